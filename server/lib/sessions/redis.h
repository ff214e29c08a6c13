/* Sessions in a Redis that several hosts share. What is in it is sealed by the caller; Redis lets
 * it expire.
 *
 * Nothing waits for it beyond a short deadline. After a failure it is left alone for a second, so
 * that one that is slow costs few handshakes that time.
 *
 *   redis.c   the store: commands, connections that are kept, the pause      redis_link.c   one
 * connection */
#ifndef ACTPASS_SERVER_SESSIONS_REDIS_H
#define ACTPASS_SERVER_SESSIONS_REDIS_H

#include "config/config.h"
#include "server/lib/sessions/store.h"

enum { REDIS_DEADLINE_MS = 250, REDIS_PAUSE_MS = 1000, REDIS_LOOKUP_MS = 5000 };

/* Looks up the host's addresses, within REDIS_LOOKUP_MS, but connects only when it is asked. A call
 * takes at most DEADLINE_MS. NULL with error: no such host, a path too long for a socket, no
 * memory. */
struct store *store_redis_new(const struct config_sessions *where, int64_t deadline_ms,
                              struct tls_error *error);

#endif
