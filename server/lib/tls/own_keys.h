/* The keys of all services of a process, those before a reload included while connections of that
 * time are open. No peer may have one of them (reflection, hazard 30). Any thread. */
#ifndef ACTPASS_SERVER_TLS_OWN_KEYS_H
#define ACTPASS_SERVER_TLS_OWN_KEYS_H

#include "server/lib/tls/pin.h"

#include <stddef.h>

struct own_keys;

struct own_keys *own_keys_new(void);           /* NULL: no memory */
void own_keys_free(struct own_keys *own_keys); /* once all keys were removed; may be NULL */

/* A key stays until it was removed as often as it was added. False: no memory; then none of the
 * keys was added. */
bool own_keys_add(struct own_keys *own_keys, const struct config_pin *keys, size_t count);
void own_keys_remove(struct own_keys *own_keys, const struct config_pin *keys, size_t count);

bool own_keys_have(struct own_keys *own_keys, const struct config_pin *key);

#endif
