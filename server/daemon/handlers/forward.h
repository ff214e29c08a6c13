/* Forward: connects the TLS side with a plain backend, both directions on one thread. Half-closes
 * are passed on both ways; a connection that was cut on one side is cut on the other, never closed
 * in order, so nobody takes half a message for a whole one. */
#ifndef ACTPASS_SERVER_SERVICES_FORWARD_H
#define ACTPASS_SERVER_SERVICES_FORWARD_H

#include "server/daemon/handlers/service.h"

void forward_serve(struct service_job *job);

#endif
