#include "server/daemon/current.h"

#include "relay/lock.h"
#include "server/daemon/generation.h"

struct generation *server_generation(struct server *server)
{
    lock_take(&server->generation_lock);
    struct generation *generation = generation_hold(server->generation);
    lock_release(&server->generation_lock);
    return generation;
}
