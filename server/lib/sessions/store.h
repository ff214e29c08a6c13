/* Where sessions are kept for resumption: records of bytes, each with a key and a lifetime. A store
 * may forget any record at any time; that costs a full handshake, never a connection.
 *
 *   memory.c   this process      file.c   all processes of the host      redis.c   several hosts
 *
 * Each call may come from any thread and takes a short, bounded time. store_open.h makes a store.
 */
#ifndef ACTPASS_SERVER_SESSIONS_STORE_H
#define ACTPASS_SERVER_SESSIONS_STORE_H

#include "server/lib/base/error.h"

#include <stddef.h>
#include <stdint.h>

enum {
    STORE_KEY = 32,      /* bytes of a key */
    STORE_RECORD = 16384 /* bytes of the largest record; a larger session is not kept */
};

struct store_key {
    uint8_t bytes[STORE_KEY];
};

/* Beyond these limits the oldest records are dropped. */
struct store_limits {
    size_t max_records, max_bytes;
};

enum store_result {
    STORE_DONE,
    STORE_MISS,  /* there is no such record, or it has expired */
    STORE_FAILED /* the store could not be asked; only then the error is filled */
};

struct store {
    const struct store_calls *calls;
};

/* What each kind of store implements. */
struct store_calls {
    enum store_result (*put)(struct store *store, const struct store_key *key, const void *data,
                             size_t size, int64_t lifetime_s, struct error_text *error);
    enum store_result (*get)(struct store *store, const struct store_key *key, void *buffer,
                             size_t *size, struct error_text *error);
    enum store_result (*remove)(struct store *store, const struct store_key *key,
                                struct error_text *error);
    void (*free)(struct store *store);
};

/* Keeps a copy of SIZE bytes for at most LIFETIME_S seconds, in place of the record that the key
 * had. STORE_MISS: more than STORE_RECORD bytes or no lifetime, so nothing is kept. */
enum store_result store_put(struct store *store, const struct store_key *key, const void *data,
                            size_t size, int64_t lifetime_s, struct error_text *error);

/* Copies the record to a buffer of STORE_RECORD bytes, and its size to *SIZE. */
enum store_result store_get(struct store *store, const struct store_key *key, void *buffer,
                            size_t *size, struct error_text *error);
enum store_result store_remove(struct store *store, const struct store_key *key,
                               struct error_text *error);
void store_free(struct store *store); /* may be NULL */

/* Writes the error's sentence, as error_set does; always returns STORE_FAILED. */
__attribute__((format(printf, 2, 3))) enum store_result store_fail(struct error_text *error,
                                                                   const char *format, ...);

#endif
