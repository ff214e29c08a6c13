/* Is a value of the wanted type? Reports it if not. */
#ifndef ACTPASS_CONFIG_VALUE_TYPE_H
#define ACTPASS_CONFIG_VALUE_TYPE_H

#include "config/document.h"
#include "config/keys.h"
#include "config/messages.h"

/* A string of at least one byte and no control characters, or NULL with a message. */
const char *value_string(struct messages *messages, struct place *place, const char *wanted);

/* "must be WANTED, not a number". */
void value_wrong_type(struct messages *messages, struct place *place, const char *wanted);

/* The number of items of a list. 0 with a message for what is not a list, an empty one, or one that
 * is too long. */
size_t value_list_size(struct messages *messages, struct place *place, const struct key *key,
                       const char *wanted);

#endif
