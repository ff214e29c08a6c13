/* What is known about a peer's role before it sends anything: the networks of "role_hints", and
 * with "remember_roles" the outcome of its last connections. Any thread. */
#ifndef ACTPASS_SERVER_HINTS_H
#define ACTPASS_SERVER_HINTS_H

#include "config/config.h"
#include "server/include/actpass.h"
#include "server/lib/peers.h"

struct hints;

struct hint {
    actpass_role role;   /* our role, taken at once; AUTO: wait */
    int64_t max_wait_ms; /* the longest wait for the first byte; 0: as configured */
};

/* Does the service use hints? Only then does it need a struct hints. */
bool hints_used(const struct config_service *service);

/* The configuration must outlive it. NULL: out of memory. */
struct hints *hints_new(const struct config_service *service);
void hints_free(struct hints *hints); /* NULL is fine */

struct hint hints_of(struct hints *hints, const struct peer_key *peer);

/* Records how a handshake with that peer went. Silence counts only if the peer then answered as TLS
 * server; a peer that sent first gets the full wait again. */
void hints_learn(struct hints *hints, const struct peer_key *peer, actpass_cause cause, bool up);

#endif
