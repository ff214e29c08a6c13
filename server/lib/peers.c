#include "server/lib/peers.h"

#include "relay/lock.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* The table consists of many small sets. An address belongs to one of them. */
enum { WAYS = 4 };

struct peer {
    struct peer_key key;
    int64_t value; /* 0: free */
    uint64_t used; /* the number of the last use */
};

struct peers {
    size_t sets;          /* constant; a power of two */
    pthread_mutex_t lock; /* guards all that follows */
    uint64_t uses;
    struct peer all[];
};

bool peer_key_with_port(const struct sockaddr *address, struct peer_key *key)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    *key = (struct peer_key){0};
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        memcpy(key->address, mapped, sizeof(mapped));
        memcpy(key->address + sizeof(mapped), &v4->sin_addr, sizeof(v4->sin_addr));
        key->port = ntohs(v4->sin_port);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        memcpy(key->address, &v6->sin6_addr, sizeof(key->address));
        key->port = ntohs(v6->sin6_port);
    } else {
        return false;
    }
    return true;
}

bool peer_key_of(const struct sockaddr *address, struct peer_key *key)
{
    bool known = peer_key_with_port(address, key);
    key->port = 0;
    return known;
}

static bool is_v4(const struct peer_key *key)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(key->address, mapped, sizeof(mapped)) == 0;
}

bool peer_key_is_in(const struct peer_key *key, const struct config_network *network)
{
    bool v4 = is_v4(key);
    if ((network->family == AF_INET) != v4)
        return false;
    const uint8_t *address = v4 ? key->address + 12 : key->address;
    size_t whole = network->prefix / 8;
    unsigned rest = network->prefix % 8;
    uint8_t mask = (uint8_t)(0xff00U >> rest);
    return memcmp(network->address, address, whole) == 0 &&
           (rest == 0 || ((network->address[whole] ^ address[whole]) & mask) == 0);
}

void peer_key_cut(struct peer_key *key, unsigned ipv4_prefix, unsigned ipv6_prefix)
{
    unsigned bits = is_v4(key) ? 96 + ipv4_prefix : ipv6_prefix;
    for (unsigned i = 0; i < sizeof(key->address); i++) {
        unsigned kept = bits > i * 8 ? bits - i * 8 : 0;
        if (kept < 8)
            key->address[i] &= (uint8_t)(0xff00U >> kept);
    }
}

struct peers *peers_new(size_t max_peers)
{
    size_t sets = 1;
    while (sets * WAYS < max_peers)
        sets *= 2;
    struct peers *peers = calloc(1, sizeof(*peers) + sets * WAYS * sizeof(peers->all[0]));
    if (!peers)
        return NULL;
    peers->sets = sets;
    peers->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER; /* cannot fail */
    return peers;
}

void peers_free(struct peers *peers)
{
    if (!peers)
        return;
    pthread_mutex_destroy(&peers->lock);
    free(peers);
}

static bool same(const struct peer_key *a, const struct peer_key *b)
{
    return a->port == b->port && memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

/* An attacker with suitable addresses can have others of the same set dropped, which costs those a
 * little time. */
static struct peer *set_of(struct peers *peers, const struct peer_key *key)
{
    uint32_t hash = 2166136261U ^ key->port; /* FNV-1a */
    for (size_t i = 0; i < sizeof(key->address); i++)
        hash = (hash ^ key->address[i]) * 16777619U;
    hash ^= hash >> 16;
    return peers->all + (hash & (peers->sets - 1)) * WAYS;
}

static struct peer *find(struct peer *set, const struct peer_key *key)
{
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].value != 0 && same(&set[i].key, key))
            return &set[i];
    return NULL;
}

static struct peer *least_recently_used(struct peer *set)
{
    struct peer *oldest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].value == 0)
            return &set[i];
        if (set[i].used < oldest->used)
            oldest = &set[i];
    }
    return oldest;
}

int64_t peers_get(struct peers *peers, const struct peer_key *key)
{
    lock_take(&peers->lock);
    struct peer *peer = find(set_of(peers, key), key);
    int64_t value = 0;
    if (peer) {
        peer->used = ++peers->uses;
        value = peer->value;
    }
    lock_release(&peers->lock);
    return value;
}

void peers_set(struct peers *peers, const struct peer_key *key, int64_t value)
{
    lock_take(&peers->lock);
    struct peer *set = set_of(peers, key);
    struct peer *peer = find(set, key);
    if (!peer && value != 0)
        peer = least_recently_used(set);
    if (peer)
        *peer = (struct peer){.key = *key, .value = value, .used = ++peers->uses};
    lock_release(&peers->lock);
}
