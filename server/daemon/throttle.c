#include "server/daemon/throttle.h"

#include "relay/clock.h"
#include "server/lib/base/rate.h"
#include "server/lib/peers.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESSES_MAX = 4096 };

static const struct rate address_rate = {.interval_us = 1000000, .burst = 20};
static const struct rate total_rate = {.interval_us = 10000, .burst = 200};

struct throttle {
    struct peers *full_us;         /* states of address_rate, by address and kind */
    _Atomic int64_t total_full_us; /* state of total_rate */
    atomic_ulong suppressed;
};

struct throttle *throttle_new(void)
{
    struct throttle *throttle = calloc(1, sizeof(*throttle));
    if (!throttle)
        return NULL;
    throttle->full_us = peers_new(ADDRESSES_MAX);
    if (!throttle->full_us) {
        free(throttle);
        return NULL;
    }
    return throttle;
}

void throttle_free(struct throttle *throttle)
{
    if (throttle) {
        peers_free(throttle->full_us);
        free(throttle);
    }
}

/* All peers without an IP address, such as those of a unix socket, count as one. */
static struct peer_key key_of(const char *peer, uint16_t kind)
{
    enum { V6_PREFIX_BYTES = 8 };
    char host[INET6_ADDRSTRLEN] = "";
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct peer_key key = {.port = 0};
    bool bracket = peer[0] == '[';
    size_t length = strcspn(peer + bracket, bracket ? "]%" : ":");
    if (length < sizeof(host))
        memcpy(host, peer + bracket, length);
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
        (void)peer_key_of((const struct sockaddr *)(const void *)&v4, &key);
    } else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
        (void)peer_key_of((const struct sockaddr *)(const void *)&v6, &key);
        memset(key.address + V6_PREFIX_BYTES, 0, sizeof(key.address) - V6_PREFIX_BYTES);
    }
    key.port = kind;
    return key;
}

/* Between get and set another thread may take a line of the same address: then there is one line
 * too many, but the rate is kept. */
bool throttle_take(struct throttle *throttle, const char *peer, uint16_t kind)
{
    int64_t now_us = clock_now_us();
    struct peer_key key = key_of(peer, kind);
    int64_t full_us = peers_get(throttle->full_us, &key);
    if (!rate_take(&address_rate, &full_us, now_us) ||
        !rate_take_shared(&total_rate, &throttle->total_full_us, now_us))
        return false;
    peers_set(throttle->full_us, &key, full_us);
    return true;
}

void throttle_note_suppressed(struct throttle *throttle)
{
    atomic_fetch_add(&throttle->suppressed, 1);
}

unsigned long throttle_take_suppressed(struct throttle *throttle)
{
    return atomic_exchange(&throttle->suppressed, 0);
}
