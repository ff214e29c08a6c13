#include "server/lib/sessions/clients.h"

#include "relay/clock.h"
#include "relay/lock.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct session {
    struct store_key key;
    uint8_t *data; /* NULL: the place is free */
    size_t size;
    bool once;
    int64_t expires_us;
    uint64_t number; /* in the order of arrival */
};

struct clients {
    pthread_mutex_t lock; /* guards all of it */
    uint64_t arrived;
    struct session sessions[CLIENTS_MAX];
};

struct clients *clients_new(void)
{
    struct clients *clients = calloc(1, sizeof(*clients));
    if (!clients || pthread_mutex_init(&clients->lock, NULL)) {
        free(clients);
        return NULL;
    }
    return clients;
}

static void drop(struct session *session)
{
    OPENSSL_clear_free(session->data, session->size);
    session->data = NULL;
}

void clients_free(struct clients *clients)
{
    if (!clients)
        return;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        drop(&clients->sessions[i]);
    pthread_mutex_destroy(&clients->lock);
    free(clients);
}

static bool is_of(const struct session *session, const struct store_key *key)
{
    return session->data && memcmp(session->key.bytes, key->bytes, STORE_KEY) == 0;
}

static void drop_all(struct clients *clients, const struct store_key *key)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (is_of(&clients->sessions[i], key))
            drop(&clients->sessions[i]);
}

/* The peer's oldest if it has its maximum, otherwise a free place, otherwise the oldest of all. */
static struct session *make_place(struct clients *clients, const struct store_key *key)
{
    struct session *own = NULL, *oldest = &clients->sessions[0];
    size_t owned = 0;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct session *session = &clients->sessions[i];
        if (oldest->data && (!session->data || session->number < oldest->number))
            oldest = session;
        if (!is_of(session, key))
            continue;
        owned++;
        if (!own || session->number < own->number)
            own = session;
    }
    struct session *place = owned >= CLIENTS_MAX_TICKETS ? own : oldest;
    drop(place);
    return place;
}

void clients_put(struct clients *clients, const struct store_key *key, const void *data,
                 size_t size, bool once, int64_t lifetime_s)
{
    if (size > STORE_RECORD || lifetime_s <= 0)
        return;
    uint8_t *copy = OPENSSL_memdup(data, size);
    if (!copy)
        return;
    lock_take(&clients->lock);
    if (!once)
        drop_all(clients, key);
    *make_place(clients, key) = (struct session){.key = *key,
                                                 .data = copy,
                                                 .size = size,
                                                 .once = once,
                                                 .expires_us = clock_deadline_ms(lifetime_s * 1000),
                                                 .number = ++clients->arrived};
    lock_release(&clients->lock);
}

static struct session *find_newest(struct clients *clients, const struct store_key *key)
{
    struct session *newest = NULL;
    int64_t now_us = clock_now_us();
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct session *session = &clients->sessions[i];
        if (!is_of(session, key))
            continue;
        if (session->expires_us <= now_us)
            drop(session);
        else if (!newest || session->number > newest->number)
            newest = session;
    }
    return newest;
}

size_t clients_take(struct clients *clients, const struct store_key *key, void *buffer)
{
    size_t size = 0;
    lock_take(&clients->lock);
    struct session *session = find_newest(clients, key);
    if (session) {
        size = session->size;
        memcpy(buffer, session->data, size);
        if (session->once)
            drop(session);
    }
    lock_release(&clients->lock);
    return size;
}

void clients_forget(struct clients *clients, const struct store_key *key)
{
    lock_take(&clients->lock);
    drop_all(clients, key);
    lock_release(&clients->lock);
}
