#include "server/lib/tls/own_keys.h"

#include "relay/lock.h"

#include <pthread.h>
#include <stdlib.h>

/* A key that was added twice is in the list twice. */
struct own_keys {
    pthread_mutex_t lock; /* guards what follows; taken last */
    struct config_pin *keys;
    size_t count;
};

struct own_keys *own_keys_new(void)
{
    struct own_keys *own_keys = calloc(1, sizeof(*own_keys));
    if (own_keys)
        own_keys->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER; /* cannot fail */
    return own_keys;
}

void own_keys_free(struct own_keys *own_keys)
{
    if (!own_keys)
        return;
    free(own_keys->keys);
    pthread_mutex_destroy(&own_keys->lock);
    free(own_keys);
}

bool own_keys_add(struct own_keys *own_keys, const struct config_pin *keys, size_t count)
{
    lock_take(&own_keys->lock);
    struct config_pin *more =
        reallocarray(own_keys->keys, own_keys->count + count + 1, sizeof(*own_keys->keys));
    if (more) {
        own_keys->keys = more;
        for (size_t i = 0; i < count; i++)
            more[own_keys->count++] = keys[i];
    }
    lock_release(&own_keys->lock);
    return more;
}

/* The index of the key, or the count if it is not there. The lock is held. */
static size_t find(const struct own_keys *own_keys, const struct config_pin *key)
{
    size_t at = 0;
    while (at < own_keys->count && !pin_equal(&own_keys->keys[at], key))
        at++;
    return at;
}

void own_keys_remove(struct own_keys *own_keys, const struct config_pin *keys, size_t count)
{
    lock_take(&own_keys->lock);
    for (size_t i = 0; i < count; i++) {
        size_t at = find(own_keys, &keys[i]);
        if (at < own_keys->count)
            own_keys->keys[at] = own_keys->keys[--own_keys->count];
    }
    lock_release(&own_keys->lock);
}

bool own_keys_have(struct own_keys *own_keys, const struct config_pin *key)
{
    lock_take(&own_keys->lock);
    bool have = find(own_keys, key) < own_keys->count;
    lock_release(&own_keys->lock);
    return have;
}
