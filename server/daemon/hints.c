#include "server/daemon/hints.h"

#include "server/lib/role.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* After this many silent connections in a row the peer counts as silent. */
enum { SILENT_ENOUGH = 2, MAX_PEERS = 4096 };

/* The wait is divided by SHORTER, but not below the min: the first flight of a client over a slow
 * path must still arrive in time. */
enum { SHORTER = 8, MIN_WAIT_MS = 50 };

struct hints {
    const struct config_service *service;
    struct peers *silent; /* how often in a row; NULL: nothing is remembered */
};

bool hints_used(const struct config_service *service)
{
    return service->role_hint_count > 0 || service->remember_roles;
}

void hints_free(struct hints *hints)
{
    if (!hints)
        return;
    peers_free(hints->silent);
    free(hints);
}

struct hints *hints_new(const struct config_service *service)
{
    struct hints *hints = calloc(1, sizeof(*hints));
    if (!hints)
        return NULL;
    hints->service = service;
    if (service->remember_roles)
        hints->silent = peers_new(MAX_PEERS);
    if (service->remember_roles && !hints->silent) {
        free(hints);
        return NULL;
    }
    return hints;
}

static actpass_role configured_role(const struct config_service *service,
                                    const struct peer_key *peer)
{
    for (size_t i = 0; i < service->role_hint_count; i++)
        if (peer_key_is_in(peer, &service->role_hints[i].from))
            return role_to_public(service->role_hints[i].role);
    return ACTPASS_ROLE_AUTO;
}

static int64_t shorter_wait_ms(int64_t timeout_ms)
{
    int64_t wait_ms = timeout_ms / SHORTER;
    return wait_ms > MIN_WAIT_MS ? wait_ms : MIN_WAIT_MS;
}

struct hint hints_of(struct hints *hints, const struct peer_key *peer)
{
    struct hint hint = {.role = configured_role(hints->service, peer)};
    int64_t timeout_ms = hints->service->connection.initial_data_timeout_ms;
    /* With a timeout of never we never become client: nothing is learned, and nothing is
     * shortened. */
    if (hint.role == ACTPASS_ROLE_AUTO && hints->silent && timeout_ms > 0 &&
        peers_get(hints->silent, peer) >= SILENT_ENOUGH)
        hint.max_wait_ms = shorter_wait_ms(timeout_ms);
    return hint;
}

void hints_learn(struct hints *hints, const struct peer_key *peer, actpass_cause cause, bool up)
{
    if (!hints->silent)
        return;
    switch (cause) {
    case ACTPASS_CAUSE_SILENCE:
        if (up) {
            int64_t times = peers_get(hints->silent, peer);
            peers_set(hints->silent, peer, times < SILENT_ENOUGH ? times + 1 : times);
        }
        break;
    case ACTPASS_CAUSE_CLIENT_HELLO:
    case ACTPASS_CAUSE_CLIENT_HELLO_LATE:
    case ACTPASS_CAUSE_GLARE_WON:
    case ACTPASS_CAUSE_GLARE_LOST:
    case ACTPASS_CAUSE_GLARE_UNSUPPORTED:
        peers_set(hints->silent, peer, 0);
        break;
    default: /* says nothing about what it will do the next time */
        break;
    }
}
