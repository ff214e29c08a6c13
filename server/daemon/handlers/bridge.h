/* Bridge: joins a local plain connection with the TLS connection that was dialed for it. */
#ifndef ACTPASS_SERVER_SERVICES_BRIDGE_H
#define ACTPASS_SERVER_SERVICES_BRIDGE_H

#include "server/daemon/handlers/service.h"

/* The local connection has been accepted; until it is known how the other side ends, its close is
 * to be a cut: whoever waits for an answer must not take silence for one. (A unix socket knows no
 * cut but with input unread.) */
void bridge_prepare(int plain);

void bridge_serve(struct service_job *job);

#endif
