/* What the files of a Redis share:
 *
 *   place.c   where it is, and how we authenticate
 *   link.c    one connection to it
 *   tls.c     TLS on that */
#ifndef ACTPASS_SERVER_REDIS_INTERNAL_H
#define ACTPASS_SERVER_REDIS_INTERNAL_H

#include "server/lib/base/secret.h"
#include "server/lib/dial/dial.h"
#include "server/lib/redis/tls.h"
#include "server/lib/redis/words.h"

struct redis_place {
    const struct redis_words *words;
    struct config_address address; /* its strings belong to the place */
    struct candidate *candidates;  /* what it was resolved to */
    size_t count;
    unsigned db;
    struct redis_tls *tls;  /* NULL: plain */
    char *user;             /* NULL: none */
    struct secret password; /* empty: none */
};

#endif
