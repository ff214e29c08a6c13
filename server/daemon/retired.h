/* Services that a reload has taken away, while their connections end: those that wait for a next
 * request close, none is dialed, and what is left after the shutdown timeout is aborted. */
#ifndef ACTPASS_SERVER_RETIRED_H
#define ACTPASS_SERVER_RETIRED_H

#include "server/daemon/registry.h"

#include <stdbool.h>
#include <stdint.h>

/* A list of them; NULL is an empty one. */
struct retired;

/* Adds a service to a list before it goes: nothing happens to it yet. WAITS_FOR_EVER: its peers may
 * be silent without a limit. False: out of memory. Any thread. */
bool retired_prepare(struct retired **list, struct registry_service *connections,
                     bool waits_for_ever);

/* Forgets all services of the list. Any thread. */
void retired_clear(struct retired **list);

/* The services of MORE, a list that is empty afterwards, are gone from now on: moves them to LIST.
 * Their connections are aborted at ABORT_US. Accept thread. */
void retired_begin(struct retired **list, struct retired **more, struct registry *registry,
                   int64_t abort_us);

/* Aborts what is due, and forgets services without connections. Returns when to call it next, or
 * DEADLINE_NEVER. Accept thread. */
int64_t retired_tick(struct retired **list, struct registry *registry);

#endif
