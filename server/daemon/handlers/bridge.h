/* Bridge: joins a local plain connection with the TLS connection that was dialed for it. The
 * handler itself is bridge_handler. */
#ifndef ACTPASS_SERVER_HANDLERS_BRIDGE_H
#define ACTPASS_SERVER_HANDLERS_BRIDGE_H

#include <stdbool.h>

/* Call this right after the local connection was accepted. Until the bridge has closed in order,
 * closing PLAIN resets it, so that a local program does not take a failure for an empty answer. (A
 * unix socket is reset only while it has unread input.) */
void bridge_prepare(int plain);

/* Closes a local connection that was prepared so: in order, or with a reset. */
void bridge_close(int plain, bool in_order);

#endif
