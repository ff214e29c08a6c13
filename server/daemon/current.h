/* What a server serves now, for threads that must not read server->generation. */
#ifndef ACTPASS_SERVER_CURRENT_H
#define ACTPASS_SERVER_CURRENT_H

#include "server/daemon/state.h"

/* A reference, which the caller gives back with generation_release. Any thread. */
struct generation *server_generation(struct server *server);

#endif
