/* Sessions in a Redis that several hosts share. The caller seals the records; Redis expires them.
 *
 * No call waits for it beyond a short deadline. After a failure it is not asked for a second, so
 * that a slow Redis delays few handshakes.
 *
 * Each of the connections that are kept is a redis_link (server/lib/redis/link.h). */
#ifndef ACTPASS_SERVER_SESSIONS_REDIS_H
#define ACTPASS_SERVER_SESSIONS_REDIS_H

#include "config/config.h"
#include "server/lib/sessions/store.h"

enum { REDIS_DEADLINE_MS = 250, REDIS_PAUSE_MS = 1000 };

/* Resolves the host (redis_place_new), but connects only with the first call. A call takes at
 * most DEADLINE_MS. NULL with error: the host is not known, the path is too long for a socket, no
 * memory. */
struct store *store_redis_new(const struct config_sessions *where, int64_t deadline_ms,
                              struct error_text *error);

#endif
