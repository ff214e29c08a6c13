#include "server/lib/sessions/store_open.h"

#include "server/lib/sessions/file.h"
#include "server/lib/sessions/memory.h"
#include "server/lib/sessions/redis.h"

static const struct store_limits usual_limits = {
    .max_records = 20000,
    .max_bytes = (size_t)48 * 1024 * 1024,
};

static struct store *new_file(const struct config_sessions *where, struct error_text *error)
{
#ifdef HAVE_LMDB
    return store_file_new(where->path, &usual_limits, error);
#else
    error_set(error,
              "sessions \"%s\": this actpass was built without LMDB: use memory, tickets or redis, "
              "or build it where liblmdb-dev is installed",
              where->text);
    return NULL;
#endif
}

static struct store *new_redis(const struct config_sessions *where, struct error_text *error)
{
#ifdef HAVE_HIREDIS
    return store_redis_new(where, REDIS_DEADLINE_MS, error);
#else
    error_set(error,
              "sessions \"%s\": this actpass was built without hiredis: use memory, tickets or "
              "file, or build it where libhiredis-dev is installed",
              where->text);
    return NULL;
#endif
}

static struct store *new_memory(struct error_text *error)
{
    struct store *store = store_memory_new(&usual_limits);
    if (!store)
        error_set(error, "out of memory for sessions");
    return store;
}

struct store *store_open(const struct config_sessions *where, struct error_text *error)
{
    if (where->kind == CONFIG_SESSIONS_FILE)
        return new_file(where, error);
    if (where->kind == CONFIG_SESSIONS_REDIS)
        return new_redis(where, error);
    return new_memory(error);
}
