/* JSON pointers (RFC 6901) of places. */
#ifndef ACTPASS_CONFIG_POINTER_H
#define ACTPASS_CONFIG_POINTER_H

#include "config/scan.h"

/* "/services/0/listen", or "/" for the whole file. A key is shortened and fit for a terminal. The
 * caller frees it. NULL: out of memory. */
char *pointer_of(const struct place *place);

#endif
