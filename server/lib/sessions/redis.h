/* Sessions in a Redis that several hosts share. The caller seals the records; Redis expires them.
 *
 * No call waits for it beyond a short deadline. After a failure it is not asked for a second, so
 * that a slow Redis delays few handshakes.
 *
 *   redis.c        the store: commands, connections that are kept, the pause
 *   redis_link.c   one connection
 *   redis_tls.c    TLS on it
 */
#ifndef ACTPASS_SERVER_SESSIONS_REDIS_H
#define ACTPASS_SERVER_SESSIONS_REDIS_H

#include "config/config.h"
#include "server/lib/sessions/store.h"

enum { REDIS_DEADLINE_MS = 250, REDIS_PAUSE_MS = 1000, REDIS_LOOKUP_MS = 5000 };

/* Resolves the host within REDIS_LOOKUP_MS, but connects only with the first call. A call takes at
 * most DEADLINE_MS. NULL with error: the host is not known, the path is too long for a socket, no
 * memory. */
struct store *store_redis_new(const struct config_sessions *where, int64_t deadline_ms,
                              struct error_text *error);

#endif
