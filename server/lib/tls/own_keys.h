/* The keys that all services of a process show, now or for connections that are still open: none of
 * them is ever a peer's. Any thread. */
#ifndef ACTPASS_SERVER_TLS_OWN_KEYS_H
#define ACTPASS_SERVER_TLS_OWN_KEYS_H

#include "server/lib/tls/pin.h"

#include <stddef.h>

struct own_keys;

struct own_keys *own_keys_new(void); /* NULL: no memory */
void own_keys_free(
    struct own_keys *own_keys); /* all that was added is removed by then; NULL is fine */

/* Each key is there until it was removed as often as it was added. False: no memory, and none was
 * added. */
bool own_keys_add(struct own_keys *own_keys, const struct config_pin *keys, size_t count);
void own_keys_remove(struct own_keys *own_keys, const struct config_pin *keys, size_t count);

bool own_keys_have(struct own_keys *own_keys, const struct config_pin *key);

#endif
