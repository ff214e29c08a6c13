/* One connection to a Redis: a command, its answer, and one deadline for both. For one thread at a
 * time. hiredis formats and parses the protocol. The socket is ours, since hiredis would apply its
 * timeout to each read, block while it resolves names, and raise SIGPIPE. */
#ifndef ACTPASS_SERVER_SESSIONS_REDIS_LINK_H
#define ACTPASS_SERVER_SESSIONS_REDIS_LINK_H

#include "server/lib/base/secret.h"
#include "server/lib/dial/dial.h"
#include "server/lib/sessions/redis_tls.h"
#include "server/lib/sessions/store.h"

#include <hiredis/hiredis.h>

/* Where a Redis is, and how we authenticate. */
struct redis_place {
    struct config_address address; /* its strings belong to the place */
    struct candidate *candidates;  /* what it was resolved to */
    size_t count;
    unsigned db;
    struct redis_tls *tls;  /* NULL: plain */
    char *user;             /* NULL: none */
    struct secret password; /* empty: none */
};

struct redis_link;

/* Connects, performs the TLS handshake, authenticates, and selects the database. NULL with problem.
 */
struct redis_link *redis_link_open(const struct redis_place *place, int64_t deadline_us,
                                   struct error_text *problem);
void redis_link_close(struct redis_link *link); /* may be NULL */

/* Sends a command and returns its answer, which the caller frees with freeReplyObject. NULL with
 * problem: no answer in time, or an invalid one; then the connection can only be closed. */
redisReply *redis_link_ask(struct redis_link *link, int count, const char *const *words,
                           const size_t *sizes, int64_t deadline_us, struct error_text *problem);

#endif
