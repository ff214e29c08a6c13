/* Echo: writes back what it reads, until the peer's close_notify. */
#ifndef ACTPASS_SERVER_SERVICES_ECHO_H
#define ACTPASS_SERVER_SERVICES_ECHO_H

#include "server/daemon/handlers/service.h"

void echo_serve(struct service_job *job);

#endif
