/* Reads one value of each type of key, except objects: see read.c. */
#ifndef ACTPASS_CONFIG_VALUE_H
#define ACTPASS_CONFIG_VALUE_H

#include "config/document.h"
#include "config/keys.h"
#include "config/messages.h"

/* Stores the place's value in BASE or reports what is wrong with it. TYPE is none of the objects'.
 */
void value_read(struct messages *messages, struct place *place, const struct key *key, void *base);

/* A string of at least one byte and no control characters, or NULL with a message. */
const char *string_of(struct messages *messages, struct place *place, const char *wanted);

/* "must be WANTED, not a number". */
void wrong_type(struct messages *messages, struct place *place, const char *wanted);

/* The number of items of a list. 0 with a message for what is no list, an empty one, or one that is
 * too long. */
size_t list_size(struct messages *messages, struct place *place, const struct key *key,
                 const char *wanted);

/* What stands for places in the net: in value_net.c. */
void read_address(struct messages *messages, struct place *place, const struct key *key,
                  void *base);
void read_addresses(struct messages *messages, struct place *place, const struct key *key,
                    void *base);
void read_network(struct messages *messages, struct place *place, const struct key *key,
                  void *base);
void read_networks(struct messages *messages, struct place *place, const struct key *key,
                   void *base);
void read_sessions(struct messages *messages, struct place *place, const struct key *key,
                   void *base);

#endif
