#include "server/lib/sessions/store.h"

#include <stdarg.h>

enum store_result store_put(struct store *store, const struct store_key *key, const void *data,
                            size_t size, int64_t lifetime_s, struct error_text *error)
{
    if (size > STORE_RECORD || lifetime_s <= 0)
        return STORE_MISS;
    return store->calls->put(store, key, data, size, lifetime_s, error);
}

enum store_result store_get(struct store *store, const struct store_key *key, void *buffer,
                            size_t *size, struct error_text *error)
{
    return store->calls->get(store, key, buffer, size, error);
}

enum store_result store_remove(struct store *store, const struct store_key *key,
                               struct error_text *error)
{
    return store->calls->remove(store, key, error);
}

void store_free(struct store *store)
{
    if (store)
        store->calls->free(store);
}

enum store_result store_fail(struct error_text *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    error_vset(error, format, arguments);
    va_end(arguments);
    return STORE_FAILED;
}
