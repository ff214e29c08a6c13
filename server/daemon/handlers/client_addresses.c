#include "server/daemon/handlers/client_addresses.h"

#include <string.h>

static bool find_destination(const struct handler_job *job, struct sockaddr_storage *destination)
{
    socklen_t size = sizeof(*destination);
    if (job->destination) {
        *destination = *job->destination;
        return true;
    }
    return actpass_local_sockaddr(job->conn, (struct sockaddr *)(void *)destination, &size) == 0;
}

bool client_addresses(const struct handler_job *job, struct sockaddr_storage *source,
                      struct sockaddr_storage *destination)
{
    socklen_t size = sizeof(*source);
    memset(source, 0, sizeof(*source));
    memset(destination, 0, sizeof(*destination));
    if (actpass_peer_sockaddr(job->conn, (struct sockaddr *)(void *)source, &size) == 0 &&
        find_destination(job, destination))
        return true;
    memset(source, 0, sizeof(*source));
    memset(destination, 0, sizeof(*destination));
    return false;
}
