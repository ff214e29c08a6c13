/* Reads a document into structures, as the key table says. */
#ifndef ACTPASS_CONFIG_READ_H
#define ACTPASS_CONFIG_READ_H

#include "config/document.h"
#include "config/keys.h"
#include "config/messages.h"

/* Fills BASE, which has its defaults already, from the place. What is wrong is reported and
 * keeps its default. */
void read_object(struct messages *messages, struct place *place, const struct key_object *object,
                 void *base);

/* Reads those keys in the place that OBJECT has, and no others, into BASE. For keys that were
 * deferred. */
void read_keys(struct messages *messages, struct place *place, const struct key_object *object,
               void *base);

#endif
