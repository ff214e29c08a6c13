/* Which route of a service a connection takes: the conditions of "routes" (struct config_route).
 * Constant once loaded; any thread. */
#ifndef ACTPASS_SERVER_ROUTE_H
#define ACTPASS_SERVER_ROUTE_H

#include "config/config.h"
#include "server/include/actpass.h"
#include "server/lib/base/error.h"
#include "server/lib/peers.h"

/* A route's conditions, ready to be compared. */
struct route_conditions {
    const struct config_route *config;
    actpass_policy *peers; /* of its names and pins; NULL: it has neither */
};

/* The configuration must outlive the route. False with ERROR: out of memory; route_free frees what
 * there is. */
bool route_load(struct route_conditions *route, const struct config_route *config,
                struct error_text *error);
void route_free(struct route_conditions *route); /* what it holds, not itself */

/* What a handshake has shown. */
struct route_facts {
    actpass_conn *conn;             /* for its certificate */
    actpass_role role;              /* ours: SERVER or CLIENT */
    const char *server_name, *alpn; /* "": none */
    bool from_known;
    struct peer_key from;
};

/* Of a connection whose handshake is complete, and which must outlive the facts. */
struct route_facts route_facts_of(actpass_conn *conn, const actpass_info_t *info);

/* Has it a "tls" of its own that has served the connection, since that has asked for one of its
 * names? Then no other route is for it. */
bool route_owns(const struct route_conditions *route, const struct route_facts *facts);

/* Do all conditions hold? */
bool route_takes(const struct route_conditions *route, const struct route_facts *facts);

#endif
