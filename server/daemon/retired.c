#include "server/daemon/retired.h"

#include "relay/clock.h"

#include <stdlib.h>

/* A connection that is being dialed at the first abort is there only at a later one. */
enum { ABORT_AGAIN_MS = 100 };

struct retired {
    struct registry_service *connections;
    bool waits_for_ever;
    int64_t abort_us;
    struct retired *next;
};

bool retired_prepare(struct retired **list, struct registry_service *connections,
                     bool waits_for_ever)
{
    struct retired *retired = malloc(sizeof(*retired));
    if (!retired)
        return false;
    *retired = (struct retired){.connections = registry_service_hold(connections),
                                .waits_for_ever = waits_for_ever,
                                .next = *list};
    *list = retired;
    return true;
}

/* Takes the first one off the list. */
static void forget(struct retired **list)
{
    struct retired *first = *list;
    *list = first->next;
    registry_service_release(first->connections);
    free(first);
}

void retired_clear(struct retired **list)
{
    while (*list)
        forget(list);
}

/* Peers that have sent nothing, where that is allowed for ever, lose nothing if they are aborted.
 */
void retired_begin(struct retired **list, struct retired **more, struct registry *registry,
                   int64_t abort_us)
{
    while (*more) {
        struct retired *retired = *more;
        *more = retired->next;
        retired->next = *list;
        *list = retired;
        retired->abort_us = abort_us;
        registry_retire(registry, retired->connections);
        if (retired->waits_for_ever)
            (void)registry_abort_undecided(registry, retired->connections);
    }
}

int64_t retired_tick(struct retired **list, struct registry *registry)
{
    int64_t next_us = DEADLINE_NEVER;
    while (*list) {
        struct retired *retired = *list;
        if (registry_count_service(registry, retired->connections).all == 0) {
            forget(list);
            continue;
        }
        if (clock_now_us() >= retired->abort_us) {
            (void)registry_abort_service(registry, retired->connections);
            retired->abort_us = clock_deadline_ms(ABORT_AGAIN_MS);
        }
        next_us = retired->abort_us < next_us ? retired->abort_us : next_us;
        list = &retired->next;
    }
    return next_us;
}
