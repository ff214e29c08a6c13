/* Reads values that name places in the network: addresses, networks, and where sessions are kept.
 * As value_read, for these types. */
#ifndef ACTPASS_CONFIG_VALUE_NET_H
#define ACTPASS_CONFIG_VALUE_NET_H

#include "config/document.h"
#include "config/keys.h"
#include "config/messages.h"

void value_read_address(struct messages *messages, struct place *place, const struct key *key,
                        void *base);
void value_read_addresses(struct messages *messages, struct place *place, const struct key *key,
                          void *base);
void value_read_network(struct messages *messages, struct place *place, const struct key *key,
                        void *base);
void value_read_networks(struct messages *messages, struct place *place, const struct key *key,
                         void *base);
void value_read_sessions(struct messages *messages, struct place *place, const struct key *key,
                         void *base);

#endif
