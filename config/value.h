/* Reads one value of each type of key, except objects: see read.c. */
#ifndef ACTPASS_CONFIG_VALUE_H
#define ACTPASS_CONFIG_VALUE_H

#include "config/document.h"
#include "config/keys.h"
#include "config/messages.h"

/* Stores the place's value in BASE or reports what is wrong with it. */
void value_read(struct messages *messages, struct place *place, const struct key *key, void *base);

#endif
