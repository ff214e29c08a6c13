/* One connection to a Redis: a command, its answer, and one deadline for both. For one thread at a
 * time. hiredis formats and parses the protocol. The socket is ours, since hiredis would apply its
 * timeout to each read, block while it resolves names, and raise SIGPIPE. */
#ifndef ACTPASS_SERVER_REDIS_LINK_H
#define ACTPASS_SERVER_REDIS_LINK_H

#include "server/lib/base/error.h"
#include "server/lib/redis/place.h"

#include <hiredis/hiredis.h>
#include <stddef.h>
#include <stdint.h>

struct redis_link;

/* Connects, performs the TLS handshake, authenticates, and selects the database. NULL with problem.
 */
struct redis_link *redis_link_open(const struct redis_place *place, int64_t deadline_us,
                                   struct error_text *problem);
void redis_link_close(struct redis_link *link); /* may be NULL */

/* Sends a command and returns its answer, which is no array, and which the caller frees with
 * freeReplyObject. NULL with problem: no answer in time, or an invalid one; then the connection can
 * only be closed. */
redisReply *redis_link_ask(struct redis_link *link, int count, const char *const *words,
                           const size_t *sizes, int64_t deadline_us, struct error_text *problem);

#endif
