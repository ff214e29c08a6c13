/* Conditions of routes, compared with each other. Pure functions; any thread. */
#ifndef ACTPASS_CONFIG_ROUTES_H
#define ACTPASS_CONFIG_ROUTES_H

#include "config/config.h"

/* Do the first one's conditions hold for every connection for which those of the other do? False
 * also where that cannot be told from what is written. */
bool routes_covers(const struct config_route *route, const struct config_route *other);

#endif
