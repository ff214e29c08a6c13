/* Opens the store that a configuration names. Any thread. */
#ifndef ACTPASS_SERVER_SESSIONS_STORE_OPEN_H
#define ACTPASS_SERVER_SESSIONS_STORE_OPEN_H

#include "config/config.h"
#include "server/lib/sessions/store.h"

/* A store in memory, in a file or in Redis; the caller frees it with store_free. Redis is not
 * connected to yet, and need not run. NULL with error: this actpass was built without that kind,
 * the file cannot be used, the host is not known, or no memory. */
struct store *store_open(const struct config_sessions *where, struct error_text *error);

#endif
