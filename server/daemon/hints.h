/* What is known of a peer's role before it speaks: the networks of "role_hints", and with
 * "remember_roles" how its last connections went. Entered by any thread. */
#ifndef ACTPASS_SERVER_HINTS_H
#define ACTPASS_SERVER_HINTS_H

#include "config/config.h"
#include "relay/verdict.h"
#include "server/include/actpass.h"
#include "server/lib/peers.h"

struct hints;

struct hint {
    enum role role;       /* be that at once; ROLE_AUTO: wait */
    int64_t most_wait_ms; /* no longer than this; 0: as configured */
};

/* False: the service wants no hints, and needs no struct hints. */
bool hints_wanted(const struct config_service *service);

/* The configuration must outlive it. NULL: out of memory. */
struct hints *hints_new(const struct config_service *service);
void hints_free(struct hints *hints); /* NULL is fine */

struct hint hints_of(struct hints *hints, const struct peer_key *peer);

/* How a handshake with that peer went. Silence counts once it has answered as TLS server; a peer
 * that has spoken first is waited for in full again. */
void hints_learn(struct hints *hints, const struct peer_key *peer, actpass_cause cause, bool up);

#endif
