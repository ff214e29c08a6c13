/* A bounded table of what is remembered of peers, by their address. When a part of it is full, what
 * was not used for longest is forgotten. Entered by any thread; one lock of its own, under which
 * nothing is called. */
#ifndef ACTPASS_SERVER_PEERS_H
#define ACTPASS_SERVER_PEERS_H

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct peers;

/* An IP address, IPv4 as an IPv4-mapped IPv6 one, and a port where it matters. */
struct peer_key {
    uint8_t address[16];
    uint16_t port; /* 0: whatever the port */
};

/* False: not an IP address, nothing to remember it by. */
bool peer_key_of(const struct sockaddr *address, bool with_port, struct peer_key *key);

/* Is it in the network? An IPv4-mapped address is an IPv4 one. */
bool peer_key_is_in(const struct peer_key *key, const struct config_network *network);

/* Keeps only the leading bits that count. */
void peer_key_cut(struct peer_key *key, unsigned ipv4_prefix, unsigned ipv6_prefix);

/* Room for about MOST peers. NULL: out of memory. */
struct peers *peers_new(size_t most);
void peers_free(struct peers *peers); /* NULL is fine */

/* What was last set, or 0. */
int64_t peers_get(struct peers *peers, const struct peer_key *key);

/* A value of 0 forgets the peer. */
void peers_set(struct peers *peers, const struct peer_key *key, int64_t value);

#endif
