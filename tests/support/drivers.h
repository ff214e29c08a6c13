/* The ways to run a relay in a test: which thread runs the I/O loop, over which transport, and with
 * which cap on each receive and send. */
#ifndef ACTPASS_TESTS_SUPPORT_DRIVERS_H
#define ACTPASS_TESTS_SUPPORT_DRIVERS_H

#include "relay/relay.h"

/* AUTO is the relay's own rule. The others force one thread to run the loop, or choose at random.
 */
enum relay_driver { DRIVER_AUTO, DRIVER_RELAY, DRIVER_CONVERSATION, DRIVER_RANDOM };

/* The hooks for the driver, with at most io_cap bytes for each receive and send (0: no cap). NULL
 * for AUTO without a cap and without tracing, as in production. Never freed. Any thread. With
 * ACTPASS_TRACE in the environment, each change of a relay's state is written to stderr. */
const struct relay_hooks *driver_hooks(enum relay_driver driver, size_t io_cap);

/* The driver that the hooks are for. */
enum relay_driver driver_of(const struct relay_hooks *hooks);

/* A way to run a relay. */
struct relay_way {
    const char *name;
    enum relay_transport transport;
    enum relay_driver driver;
    bool waiter_polls;  /* a thread that waits runs the I/O loop itself */
    bool receives_away; /* the relay receives while the conversation is outside any call */
};

enum {
    WAY_AUTO, /* the first four: the pair */
    WAY_RELAY,
    WAY_CONVERSATION,
    WAY_RANDOM,
    WAY_DIRECT,
    RELAY_WAYS
};
extern const struct relay_way relay_ways[RELAY_WAYS];

extern const enum relay_transport relay_transports[2]; /* pair, direct */

#endif
