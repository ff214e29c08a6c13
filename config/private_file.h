/* Is a file with a secret in it kept from others? Any thread. */
#ifndef ACTPASS_CONFIG_PRIVATE_FILE_H
#define ACTPASS_CONFIG_PRIVATE_FILE_H

#include <sys/stat.h>

/* Who may read or write the file that should not, for "FILE holds a secret, and %s may read or
 * write it". NULL: nobody. The owner may, and so may its group, but for the two groups of Debian in
 * which all users can be: users (100) and nogroup (65534). A pipe or a socket holds nothing. */
const char *private_file_open_to(const struct stat *status);

#endif
