/* The public keys in a file of certificates. */
#ifndef ACTPASS_SERVER_CONVERT_PINS_H
#define ACTPASS_SERVER_CONVERT_PINS_H

#include "server/daemon/convert/draft.h"

/* Adds the pin of each certificate in the PEM file PATH to the list NAME of OBJECT. Returns how
 * many there are: 0 where the file cannot be read or holds none. Reads the file; no other thread
 * may use the draft. */
size_t pins_add(struct draft *draft, cJSON *object, const char *name, const char *path);

#endif
