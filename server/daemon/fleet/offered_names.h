/* Under which names a device is offered: those of its certificate alone. */
#ifndef ACTPASS_SERVER_FLEET_OFFERED_NAMES_H
#define ACTPASS_SERVER_FLEET_OFFERED_NAMES_H

#include "config/config.h"
#include "server/daemon/fleet/pool.h"
#include "server/include/actpass.h"

enum { OFFERED_NAMES_MAX = 64 };

struct offered_names {
    char texts[OFFERED_NAMES_MAX][POOL_NAME_MAX + 1]; /* in small letters, each once */
    const char *items[OFFERED_NAMES_MAX];
    size_t count;
    const char *why; /* none: one sentence */
};

/* Fills NAMES with the names of the peer's certificate that ALLOWED has; with an empty list, all of
 * them. DNS names of the subjectAltName count, and the common name where ALLOWED names that one
 * ("cn:"): addresses, URIs and mailboxes are nothing that a client of a gate can ask for. A
 * wildcard is not offered: it stands for names that other devices have. Only the first 256 names of
 * the certificate are looked at, and the first OFFERED_NAMES_MAX that ALLOWED has are taken. */
void offered_names_of(actpass_conn *conn, const struct config_peer_names *allowed,
                      struct offered_names *names);

#endif
