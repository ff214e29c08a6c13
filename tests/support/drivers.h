/* Hooks of the relay for tests: who runs the I/O loop, and a cap on each receive and send. */
#ifndef ACTPASS_TESTS_SUPPORT_DRIVERS_H
#define ACTPASS_TESTS_SUPPORT_DRIVERS_H

#include "relay/relay.h"

/* AUTO is the relay's own rule. The others force one thread to run the loop, or toss a coin. */
enum relay_driver { DRIVER_AUTO, DRIVER_RELAY, DRIVER_CONVERSATION, DRIVER_RANDOM };

/* The hooks for the driver, with at most io_cap bytes for each receive and send (0: no cap). NULL
 * for AUTO without a cap and without tracing, as in production. Valid for ever. Any thread. With
 * ACTPASS_TRACE in the environment, each change of a relay's state is written to stderr. */
const struct relay_hooks *driver_hooks(enum relay_driver driver, size_t io_cap);

/* The driver that the hooks are for. */
enum relay_driver driver_of(const struct relay_hooks *hooks);

#endif
