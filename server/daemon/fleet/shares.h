/* The pools that this process shares with other collectors: for each service with "share" a
 * directory (directory.h). Any thread, where nothing else is said. */
#ifndef ACTPASS_SERVER_FLEET_SHARES_H
#define ACTPASS_SERVER_FLEET_SHARES_H

#include "server/daemon/fleet/fleet.h"
#include "server/daemon/state.h"

struct shares;

/* NULL: out of memory. From here on it is asked for names that are not here (fleet_elsewhere). */
struct shares *shares_new(struct server *server);
void shares_free(struct shares *shares); /* after shares_stop; NULL is fine */

/* Begins to share what the services of GENERATION share, and ends what they do not share any more.
 * Waits for Redis for two seconds at most, or five where it answers slowly. For the thread that
 * reloads, and before others run. */
void shares_update(struct shares *shares, struct generation *generation);

/* Ends all, so that others do not ask this process any more. */
void shares_stop(struct shares *shares);

#endif
