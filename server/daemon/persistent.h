/* Services that dial by themselves ("persistent", "periodic"): each has a keeper
 * (callhome/keeper.h), or one for each address of "dial", from the start until the server stops or
 * the service is gone. For the accept thread, but where another one is named. */
#ifndef ACTPASS_SERVER_DAEMON_PERSISTENT_H
#define ACTPASS_SERVER_DAEMON_PERSISTENT_H

#include "server/daemon/state.h"

/* Makes the keepers of a generation's services, but of those that go on with the keepers and the
 * connections of BEFORE, which may be NULL. False: one could not be made, which was logged;
 * those that were made are to be discarded. Also for the thread that reloads. */
bool persistent_prepare(struct server *server, struct generation *generation,
                        const struct generation *before);

/* Discards keepers that were not started. Also for the thread that reloads. */
void persistent_discard(struct generation *generation);

/* Starts the keepers that were made, and lets those of BEFORE go on with the settings of the new
 * services from their next dial on. */
void persistent_start(struct generation *generation, struct generation *before);

#endif
