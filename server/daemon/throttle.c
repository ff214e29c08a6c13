#include "server/daemon/throttle.h"

#include "relay/clock.h"
#include "server/lib/peers.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESSES_MAX = 4096, ADDRESS_BURST = 20, ALL_BURST = 200 };
enum { ADDRESS_INTERVAL_US = 1000000, ALL_INTERVAL_US = 10000 };

/* Each rate is kept as the time at which all lines so far would be paid for (the generic cell rate
 * algorithm, ITU-T I.371): a line is admitted while that time is less than a burst ahead. */
struct throttle {
    struct peers *paid_us;       /* by address and kind */
    _Atomic int64_t all_paid_us; /* of all addresses together */
    atomic_ulong suppressed;
};

struct throttle *throttle_new(void)
{
    struct throttle *throttle = calloc(1, sizeof(*throttle));
    if (!throttle)
        return NULL;
    throttle->paid_us = peers_new(ADDRESSES_MAX);
    if (!throttle->paid_us) {
        free(throttle);
        return NULL;
    }
    return throttle;
}

void throttle_free(struct throttle *throttle)
{
    if (throttle) {
        peers_free(throttle->paid_us);
        free(throttle);
    }
}

/* What is no IP address, such as a unix socket, counts as one address. */
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
        (void)peer_key_of((const struct sockaddr *)(const void *)&v4, false, &key);
    } else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
        (void)peer_key_of((const struct sockaddr *)(const void *)&v6, false, &key);
        memset(key.address + V6_PREFIX_BYTES, 0, sizeof(key.address) - V6_PREFIX_BYTES);
    }
    key.port = kind;
    return key;
}

static bool is_within_burst(int64_t paid_us, int64_t now_us, int64_t interval_us, int64_t burst)
{
    return paid_us - now_us <= (burst - 1) * interval_us;
}

static int64_t pay(int64_t paid_us, int64_t now_us, int64_t interval_us)
{
    return (paid_us > now_us ? paid_us : now_us) + interval_us;
}

static bool all_admit(struct throttle *throttle, int64_t now_us)
{
    int64_t paid_us = atomic_load(&throttle->all_paid_us);
    do {
        if (!is_within_burst(paid_us, now_us, ALL_INTERVAL_US, ALL_BURST))
            return false;
    } while (!atomic_compare_exchange_weak(&throttle->all_paid_us, &paid_us,
                                           pay(paid_us, now_us, ALL_INTERVAL_US)));
    return true;
}

/* Two threads may admit one line more between get and set: the rate stays what it is. */
bool throttle_admits(struct throttle *throttle, const char *peer, uint16_t kind)
{
    int64_t now_us = clock_now_us();
    struct peer_key key = key_of(peer, kind);
    int64_t paid_us = peers_get(throttle->paid_us, &key);
    if (!is_within_burst(paid_us, now_us, ADDRESS_INTERVAL_US, ADDRESS_BURST) ||
        !all_admit(throttle, now_us))
        return false;
    peers_set(throttle->paid_us, &key, pay(paid_us, now_us, ADDRESS_INTERVAL_US));
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
