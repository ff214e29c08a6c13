/* Sessions in the memory of this process. Bounded by count and by bytes; the oldest go first. */
#ifndef ACTPASS_SERVER_SESSIONS_MEMORY_H
#define ACTPASS_SERVER_SESSIONS_MEMORY_H

#include "server/lib/sessions/store.h"

/* NULL: no memory. */
struct store *store_memory_new(size_t most_records, size_t most_bytes);

#endif
