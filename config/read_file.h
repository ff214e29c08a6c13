/* Reads files. Any thread. */
#ifndef ACTPASS_CONFIG_READ_FILE_H
#define ACTPASS_CONFIG_READ_FILE_H

#include <stddef.h>
#include <sys/types.h>

/* Reads at most SIZE bytes up to the end. Returns how many, or -1 with errno. */
ssize_t read_descriptor(int fd, char *buffer, size_t size);

/* Opens a regular file for reading, through symbolic links. Whatever else is there is not waited
 * for. The caller closes it. -1 with errno, which is EINVAL for what is no file. */
int open_regular(const char *path);

/* Both. */
ssize_t read_regular(const char *path, char *buffer, size_t size);

#endif
