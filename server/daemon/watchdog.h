/* Feeds the service manager's watchdog, as long as the accept thread and the crew make progress.
 * The accept thread calls watchdog_tick. Each time a task of the crew is woken, and only if it has
 * run by the next time is the watchdog fed. So a crew whose threads are all stuck is noticed as
 * well as an accept thread that is. */
#ifndef ACTPASS_SERVER_WATCHDOG_H
#define ACTPASS_SERVER_WATCHDOG_H

#include "server/daemon/crew/crew.h"
#include "server/daemon/notify.h"

#include <stdint.h>

struct watchdog;

/* Returns NULL with errno 0 if the manager wants no watchdog, or NULL with errno. NOTIFY and CREW
 * must outlive it, but see watchdog_free. The functions accept NULL. */
struct watchdog *watchdog_new(struct notify *notify, struct crew *crew);

/* Feeds the watchdog if that is due and all is well. Returns when to call it next, on
 * clock_now_us' clock; DEADLINE_NEVER for NULL. Accept thread. */
int64_t watchdog_tick(struct watchdog *watchdog);

/* Ends the task, so that the crew can be freed. After that watchdog_tick must not be called. */
void watchdog_stop(struct watchdog *watchdog);

/* After watchdog_stop and crew_free. */
void watchdog_free(struct watchdog *watchdog);

#endif
