/* What a connection to another collector was dialed for (pass_on.h). */
#ifndef ACTPASS_SERVER_FLEET_ERRAND_H
#define ACTPASS_SERVER_FLEET_ERRAND_H

#include "config/config.h"
#include "server/daemon/fleet/pool.h"

struct errand {
    struct config_address to; /* the collector's */
    struct pool *pool;
    char name[POOL_NAME_MAX + 1]; /* of the device */
};

#endif
