/* The store that a configuration names. */
#include "server/lib/sessions/store.h"

#include "server/lib/sessions/file.h"
#include "server/lib/sessions/memory.h"
#include "server/lib/sessions/redis.h"
#include "server/lib/tls/error.h"

#include <stdarg.h>
#include <stdio.h>

static struct store *new_file(const struct config_sessions *where, struct tls_error *error)
{
#ifdef HAVE_LMDB
    const struct file_limits limits = {STORE_MOST_RECORDS, STORE_MOST_BYTES};
    return store_file_new(where->path, &limits, error);
#else
    tls_fail(error,
             "sessions \"%s\": this actpass was built without LMDB: use memory, tickets or redis, "
             "or build it where liblmdb-dev is installed",
             where->text);
    return NULL;
#endif
}

static struct store *new_redis(const struct config_sessions *where, struct tls_error *error)
{
#ifdef HAVE_HIREDIS
    return store_redis_new(where, REDIS_DEADLINE_MS, error);
#else
    tls_fail(error,
             "sessions \"%s\": this actpass was built without hiredis: use memory, tickets or "
             "file, or build it where libhiredis-dev is installed",
             where->text);
    return NULL;
#endif
}

static struct store *new_memory(struct tls_error *error)
{
    struct store *store = store_memory_new(STORE_MOST_RECORDS, STORE_MOST_BYTES);
    if (!store)
        tls_fail(error, "out of memory for sessions");
    return store;
}

struct store *store_new(const struct config_sessions *where, struct tls_error *error)
{
    if (where->kind == CONFIG_SESSIONS_FILE)
        return new_file(where, error);
    if (where->kind == CONFIG_SESSIONS_REDIS)
        return new_redis(where, error);
    return new_memory(error);
}

enum store_result store_put(struct store *store, const struct store_key *key, const void *data,
                            size_t size, int64_t lifetime_s, struct store_problem *problem)
{
    if (size > STORE_RECORD || lifetime_s <= 0)
        return STORE_MISS;
    return store->calls->put(store, key, data, size, lifetime_s, problem);
}

enum store_result store_get(struct store *store, const struct store_key *key, void *buffer,
                            size_t *size, struct store_problem *problem)
{
    return store->calls->get(store, key, buffer, size, problem);
}

enum store_result store_remove(struct store *store, const struct store_key *key,
                               struct store_problem *problem)
{
    return store->calls->remove(store, key, problem);
}

void store_free(struct store *store)
{
    if (store)
        store->calls->free(store);
}

enum store_result store_fail(struct store_problem *problem, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem->text, sizeof(problem->text), format, arguments);
    va_end(arguments);
    return STORE_FAILED;
}
