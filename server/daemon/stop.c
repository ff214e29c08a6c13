#include "server/daemon/stop.h"

#include "server/daemon/state.h"

#include <errno.h>
#include <unistd.h>

void stop_request(struct server *server)
{
    int saved = errno;
    uint64_t one = 1;
    atomic_fetch_add(&server->stops, 1);
    ssize_t written = write(server->stop_fd, &one, sizeof(one));
    (void)written; /* fails only if the notification is pending already */
    errno = saved;
}
