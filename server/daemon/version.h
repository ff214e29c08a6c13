/* What --version prints. */
#ifndef ACTPASS_SERVER_VERSION_H
#define ACTPASS_SERVER_VERSION_H

#include <stdbool.h>

/* The versions of actpass and of the OpenSSL that runs, and which optional parts were built in.
 * False: stdout cannot be written. */
bool version_print(void);

#endif
