/* Conditions of routes, compared with each other. Pure functions; any thread. */
#ifndef ACTPASS_CONFIG_ROUTES_H
#define ACTPASS_CONFIG_ROUTES_H

#include "config/config.h"

/* Do the first one's conditions hold for every connection for which those of the other do? False
 * also where that cannot be told from what is written. */
bool routes_covers(const struct config_route *route, const struct config_route *other);

/* Is there a server name that both are for? */
bool routes_share_a_name(const struct config_route *route, const struct config_route *other);

/* Has the other one server names, and are they all names that the first one is for? */
bool routes_have_names_of(const struct config_route *route, const struct config_route *other);

#endif
