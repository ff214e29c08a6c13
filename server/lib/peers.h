/* A bounded table that keeps one number for each peer, by address. If a part of it is full, the
 * least recently used entry is dropped. Any thread; it has one lock, under which it calls nothing.
 */
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
    uint16_t port; /* 0: any port */
};

/* The first has no port. False: not an IP address. */
bool peer_key_of(const struct sockaddr *address, struct peer_key *key);
bool peer_key_with_port(const struct sockaddr *address, struct peer_key *key);

/* Is the address in the network? An IPv4-mapped address counts as an IPv4 address. */
bool peer_key_is_in(const struct peer_key *key, const struct config_network *network);

/* Clears all bits of the address after the prefix of its family. */
void peer_key_cut(struct peer_key *key, unsigned ipv4_prefix, unsigned ipv6_prefix);

/* A table with room for at least MAX_PEERS. NULL: no memory. */
struct peers *peers_new(size_t max_peers);
void peers_free(struct peers *peers); /* PEERS may be NULL */

/* The number that was set last, or 0. */
int64_t peers_get(struct peers *peers, const struct peer_key *key);

/* A VALUE of 0 drops the peer. */
void peers_set(struct peers *peers, const struct peer_key *key, int64_t value);

#endif
