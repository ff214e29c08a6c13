/* Sessions in the memory of this process. Beyond its limits the oldest are dropped. */
#ifndef ACTPASS_SERVER_SESSIONS_MEMORY_H
#define ACTPASS_SERVER_SESSIONS_MEMORY_H

#include "server/lib/sessions/store.h"

/* NULL: no memory. */
struct store *store_memory_new(const struct store_limits *limits);

#endif
