/* A hash table, and a list in the order of arrival. */
#include "server/lib/sessions/memory.h"

#include "relay/clock.h"
#include "relay/lock.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct record {
    struct store_key key;
    struct record *next;          /* of the same bucket */
    struct record *older, *newer; /* in the order of arrival */
    int64_t expires_us;
    size_t size;
    uint8_t data[];
};

struct memory {
    struct store base;
    struct store_limits limits; /* constant */
    size_t mask;                /* one less than the number of buckets, a power of two */
    pthread_mutex_t lock;       /* guards what follows; nothing else is taken under it */
    struct record **buckets;
    struct record *oldest, *newest;
    size_t count, bytes;
};

static size_t cost(const struct record *record)
{
    return sizeof(*record) + record->size;
}

/* The key is a digest, so any of its bytes serve as a hash. */
static struct record **bucket_of(struct memory *memory, const struct store_key *key)
{
    uint32_t hash;
    memcpy(&hash, key->bytes, sizeof(hash));
    return &memory->buckets[hash & memory->mask];
}

/* The link that points to the record, or that is NULL. */
static struct record **find(struct memory *memory, const struct store_key *key)
{
    struct record **place = bucket_of(memory, key);
    while (*place && memcmp((*place)->key.bytes, key->bytes, STORE_KEY) != 0)
        place = &(*place)->next;
    return place;
}

/* The link to the record from the one that came after it. */
static struct record **link_from_newer(struct memory *memory, struct record *record)
{
    return record->newer ? &record->newer->older : &memory->newest;
}

/* The link to the record from the one that came before it. */
static struct record **link_from_older(struct memory *memory, struct record *record)
{
    return record->older ? &record->older->newer : &memory->oldest;
}

/* *PLACE may be NULL. */
static void drop(struct memory *memory, struct record **place)
{
    struct record *record = *place;
    if (!record)
        return;
    *place = record->next;
    struct record **from_older = link_from_older(memory, record);
    struct record **from_newer = link_from_newer(memory, record);
    *from_older = record->newer;
    *from_newer = record->older;
    memory->count--;
    memory->bytes -= cost(record);
    OPENSSL_clear_free(record, cost(record)); /* it holds a resumption secret */
}

static void add(struct memory *memory, struct record *record)
{
    struct record **place = bucket_of(memory, &record->key);
    record->next = *place;
    *place = record;
    record->older = memory->newest;
    *link_from_older(memory, record) = record;
    memory->newest = record;
    memory->count++;
    memory->bytes += cost(record);
}

static void make_room(struct memory *memory)
{
    const struct store_limits *limits = &memory->limits;
    while (memory->oldest &&
           (memory->count > limits->max_records || memory->bytes > limits->max_bytes))
        drop(memory, find(memory, &memory->oldest->key));
}

static enum store_result put(struct store *store, const struct store_key *key, const void *data,
                             size_t size, int64_t lifetime_s, struct error_text *problem)
{
    struct memory *memory = (struct memory *)store;
    struct record *record = OPENSSL_zalloc(sizeof(*record) + size);
    if (!record)
        return store_fail(problem, "out of memory for a session");
    record->key = *key;
    record->expires_us = clock_deadline_ms(lifetime_s * 1000);
    record->size = size;
    memcpy(record->data, data, size);
    lock_take(&memory->lock);
    drop(memory, find(memory, key));
    add(memory, record);
    make_room(memory);
    lock_release(&memory->lock);
    return STORE_DONE;
}

static enum store_result get(struct store *store, const struct store_key *key, void *buffer,
                             size_t *size, struct error_text *problem)
{
    struct memory *memory = (struct memory *)store;
    (void)problem;
    lock_take(&memory->lock);
    struct record **place = find(memory, key);
    if (*place && clock_now_us() >= (*place)->expires_us)
        drop(memory, place);
    else if (*place) {
        *size = (*place)->size;
        memcpy(buffer, (*place)->data, *size);
        lock_release(&memory->lock);
        return STORE_DONE;
    }
    lock_release(&memory->lock);
    return STORE_MISS;
}

static enum store_result take_out(struct store *store, const struct store_key *key,
                                  struct error_text *problem)
{
    struct memory *memory = (struct memory *)store;
    (void)problem;
    lock_take(&memory->lock);
    struct record **place = find(memory, key);
    bool there = *place;
    drop(memory, place);
    lock_release(&memory->lock);
    return there ? STORE_DONE : STORE_MISS;
}

static void free_memory(struct store *store)
{
    struct memory *memory = (struct memory *)store;
    while (memory->oldest)
        drop(memory, find(memory, &memory->oldest->key));
    pthread_mutex_destroy(&memory->lock);
    free(memory->buckets);
    free(memory);
}

struct store *store_memory_new(const struct store_limits *limits)
{
    static const struct store_calls calls = {put, get, take_out, free_memory};
    size_t buckets = 16;
    while (buckets < limits->max_records)
        buckets *= 2;
    struct memory *memory = calloc(1, sizeof(*memory));
    if (!memory)
        return NULL;
    memory->buckets = calloc(buckets, sizeof(*memory->buckets));
    if (!memory->buckets)
        goto out_memory;
    if (pthread_mutex_init(&memory->lock, NULL))
        goto out_buckets;
    memory->base.calls = &calls;
    memory->limits = *limits;
    memory->mask = buckets - 1;
    return &memory->base;
out_buckets:
    free(memory->buckets);
out_memory:
    free(memory);
    return NULL;
}
