/* One list of roles with three names: the public API, the relay and the configuration each have a
 * type of their own, since none of them includes another's header. A role passes from one type to
 * another here. */
#ifndef ACTPASS_SERVER_ROLE_H
#define ACTPASS_SERVER_ROLE_H

#include "config/config.h"
#include "relay/verdict.h"
#include "server/include/actpass.h"

#define SAME_ROLES(one, other) _Static_assert((int)(one) == (int)(other), "one list of roles")

SAME_ROLES(ACTPASS_ROLE_AUTO, ROLE_AUTO);
SAME_ROLES(ACTPASS_ROLE_SERVER, ROLE_SERVER);
SAME_ROLES(ACTPASS_ROLE_CLIENT, ROLE_CLIENT);
SAME_ROLES(ACTPASS_ROLE_NONE, ROLE_NONE);
SAME_ROLES(CONFIG_ROLE_AUTO, ROLE_AUTO);
SAME_ROLES(CONFIG_ROLE_SERVER, ROLE_SERVER);
SAME_ROLES(CONFIG_ROLE_CLIENT, ROLE_CLIENT);

#undef SAME_ROLES

static inline enum role role_of_config(enum config_role role)
{
    return (enum role)role;
}

static inline enum role role_of_public(actpass_role role)
{
    return (enum role)role;
}

static inline actpass_role role_to_public(enum config_role role)
{
    return (actpass_role)role;
}

static inline enum config_role role_to_config(actpass_role role)
{
    return (enum config_role)role;
}

#endif
