#include "server/daemon/fleet/pool_internal.h"

#include "relay/clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { BUCKETS_MIN = 64 };

/* Callers choose the names that they ask for: with a seed they cannot choose the buckets. */
void pool_names_init(struct pool_names *names)
{
    *names = (struct pool_names){.seed = (uint64_t)clock_now_us()};
    if (getrandom(&names->seed, sizeof(names->seed), GRND_NONBLOCK) != (ssize_t)sizeof(names->seed))
        names->seed ^= (uint64_t)(uintptr_t)names << 16;
}

void pool_names_free(struct pool_names *names)
{
    free(names->buckets);
    names->buckets = NULL;
}

static uint64_t mixed(uint64_t hash)
{
    hash ^= hash >> 32;
    hash *= UINT64_C(0xd6e8feb86659fd93);
    return hash ^ hash >> 32;
}

static uint64_t hash_of(const struct pool_names *names, const char *text)
{
    uint64_t hash = names->seed;
    for (; *text != '\0'; text++)
        hash = mixed(hash ^ (unsigned char)*text);
    return hash;
}

static struct pool_name **bucket_of(const struct pool_names *names, uint64_t hash)
{
    return &names->buckets[hash & (names->size - 1)];
}

static struct pool_name *find(const struct pool_names *names, const char *text, uint64_t hash)
{
    struct pool_name *name = names->size > 0 ? *bucket_of(names, hash) : NULL;
    while (name && (name->hash != hash || strcmp(name->text, text) != 0))
        name = name->next;
    return name;
}

struct pool_name *pool_names_find(const struct pool_names *names, const char *text)
{
    return find(names, text, hash_of(names, text));
}

/* Without memory the buckets stay as few as they are; without any, it returns false. */
static bool grow(struct pool_names *names)
{
    if (names->count < names->size)
        return true;
    struct pool_names grown = *names;
    grown.size = names->size > 0 ? names->size * 2 : BUCKETS_MIN;
    grown.buckets = calloc(grown.size, sizeof(*grown.buckets));
    if (!grown.buckets)
        return names->size > 0;
    for (size_t i = 0; i < names->size; i++) {
        while (names->buckets[i]) {
            struct pool_name *name = names->buckets[i];
            struct pool_name **bucket = bucket_of(&grown, name->hash);
            names->buckets[i] = name->next;
            name->next = *bucket;
            *bucket = name;
        }
    }
    free(names->buckets);
    *names = grown;
    return true;
}

static struct pool_name *add(struct pool_names *names, const char *text, uint64_t hash)
{
    size_t size = strlen(text) + 1;
    struct pool_name *name = grow(names) ? calloc(1, sizeof(*name) + size) : NULL;
    if (!name)
        return NULL;
    struct pool_name **bucket = bucket_of(names, hash);
    memcpy(name->text, text, size);
    name->hash = hash;
    name->next = *bucket;
    *bucket = name;
    names->count++;
    return name;
}

struct pool_name *pool_names_hold(struct pool_names *names, const char *text)
{
    uint64_t hash = hash_of(names, text);
    struct pool_name *name = find(names, text, hash);
    if (!name)
        name = add(names, text, hash);
    if (name)
        name->holds++;
    return name;
}

void pool_names_release(struct pool_names *names, struct pool_name *name)
{
    if (!name || --name->holds > 0)
        return;
    struct pool_name **at = bucket_of(names, name->hash);
    while (*at != name)
        at = &(*at)->next;
    *at = name->next;
    names->count--;
    free(name);
}
