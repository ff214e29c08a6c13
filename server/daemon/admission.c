#include "server/daemon/admission.h"

#include "relay/lock.h"
#include "server/lib/base/rate.h"

#include <stdlib.h>

const char *refusal_name(enum refusal refusal)
{
    static const char *const names[] = {[REFUSED_NOT] = "none",
                                        [REFUSED_NO_PROXY] = "accept_proxy",
                                        [REFUSED_DENIED] = "denied",
                                        [REFUSED_RATE] = "rate_per_address",
                                        [REFUSED_PER_ADDRESS] = "per_address"};
    return names[refusal];
}

/* The length of the longest matching prefix, or -1. */
static int longest(const struct config_network *networks, size_t count, const struct peer_key *peer)
{
    int best = -1;
    for (size_t i = 0; i < count; i++)
        if ((int)networks[i].prefix > best && peer_key_is_in(peer, &networks[i]))
            best = (int)networks[i].prefix;
    return best;
}

bool admission_allows(const struct config_limits *limits, const struct peer_key *peer)
{
    int allowed = longest(limits->allow, limits->allow_count, peer);
    int denied = longest(limits->deny, limits->deny_count, peer);
    return allowed > denied || (denied < 0 && limits->allow_count == 0);
}

struct peer admission_peer(const struct config_limits *limits,
                           const struct sockaddr_storage *address)
{
    struct peer peer = {.known = false};
    peer.known = peer_key_of((const struct sockaddr *)(const void *)address, &peer.key);
    if (!peer.known)
        return peer;
    peer.address = peer.key;
    peer_key_cut(&peer.address, (unsigned)limits->ipv4_prefix, (unsigned)limits->ipv6_prefix);
    return peer;
}

/* Addresses to remember; beyond that, those that connected least recently are forgotten. */
enum { MAX_ADDRESSES = 16384, US_PER_S = 1000000 };

struct rates {
    pthread_mutex_t lock;  /* guards what is in FULL_US: it is read, and then set */
    struct peers *full_us; /* states of RATE */
    struct rate rate;      /* constant */
};

void rates_free(struct rates *rates)
{
    if (!rates)
        return;
    (void)pthread_mutex_destroy(&rates->lock);
    peers_free(rates->full_us);
    free(rates);
}

struct rates *rates_new(uint64_t rate)
{
    struct rates *rates = calloc(1, sizeof(*rates));
    if (!rates)
        return NULL;
    rates->rate = (struct rate){.interval_us = US_PER_S / (int64_t)rate, .burst = (int64_t)rate};
    rates->full_us = peers_new(MAX_ADDRESSES);
    if (!rates->full_us || pthread_mutex_init(&rates->lock, NULL) != 0) {
        peers_free(rates->full_us);
        free(rates);
        return NULL;
    }
    return rates;
}

/* A part at once, so that a high rate needs no timer for each connection; with the rest evenly in a
 * second there are no more than RATE in any. */
struct rate admission_rate(uint64_t rate)
{
    enum { PART_AT_ONCE = 10 };
    int64_t burst = (int64_t)rate / PART_AT_ONCE;
    if (rate == 0)
        return (struct rate){.burst = 0};
    if (burst < 2)
        burst = 1;
    int64_t even = burst == 1 ? (int64_t)rate : (int64_t)rate - burst;
    return (struct rate){.interval_us = (US_PER_S + even - 1) / even, .burst = burst};
}

bool rates_take(struct rates *rates, const struct peer_key *address, int64_t now_us)
{
    lock_take(&rates->lock);
    int64_t full_us = peers_get(rates->full_us, address);
    bool taken = rate_take(&rates->rate, &full_us, now_us);
    if (taken)
        peers_set(rates->full_us, address, full_us);
    lock_release(&rates->lock);
    return taken;
}
