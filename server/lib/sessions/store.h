/* Where sessions are kept for resumption: records of bytes by key, each for a while. A store may
 * forget anything at any time; that costs a full handshake, never a connection.
 *
 *   memory.c   this process      file.c   every process of the host      redis.c   several hosts
 *
 * Every call may come from any thread and takes a short, bounded time. */
#ifndef ACTPASS_SERVER_SESSIONS_STORE_H
#define ACTPASS_SERVER_SESSIONS_STORE_H

#include "config/config.h"
#include "server/lib/tls/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STORE_KEY = 32,
    STORE_RECORD = 16384, /* the largest record; a session that is larger is not kept */
    STORE_MOST_RECORDS = 20000,
    STORE_MOST_BYTES = 48 * 1024 * 1024
};

struct store_key {
    uint8_t bytes[STORE_KEY];
};

enum store_result {
    STORE_DONE,
    STORE_MISS,  /* there is no such record, or it has expired */
    STORE_FAILED /* the store could not be asked: the problem says why */
};

/* One sentence. */
struct store_problem {
    char text[256];
};

struct store {
    const struct store_calls *calls;
};

struct store_calls {
    /* Keeps SIZE bytes, at most STORE_RECORD, for at most LIFETIME_S seconds. */
    enum store_result (*put)(struct store *store, const struct store_key *key, const void *data,
                             size_t size, int64_t lifetime_s, struct store_problem *problem);
    /* Copies the record to a buffer of STORE_RECORD bytes. */
    enum store_result (*get)(struct store *store, const struct store_key *key, void *buffer,
                             size_t *size, struct store_problem *problem);
    enum store_result (*remove)(struct store *store, const struct store_key *key,
                                struct store_problem *problem);
    void (*free)(struct store *store);
};

/* The store that a configuration names: memory, file or Redis. A Redis is not asked for yet, and
 * need not be there. NULL with error: this actpass was built without it, a file that cannot be
 * used, a host that is not known, no memory. */
struct store *store_new(const struct config_sessions *where, struct tls_error *error);

enum store_result store_put(struct store *store, const struct store_key *key, const void *data,
                            size_t size, int64_t lifetime_s, struct store_problem *problem);
enum store_result store_get(struct store *store, const struct store_key *key, void *buffer,
                            size_t *size, struct store_problem *problem);
enum store_result store_remove(struct store *store, const struct store_key *key,
                               struct store_problem *problem);
void store_free(struct store *store); /* NULL is fine */

/* Fills the problem; returns STORE_FAILED. */
__attribute__((format(printf, 2, 3))) enum store_result store_fail(struct store_problem *problem,
                                                                   const char *format, ...);

#endif
