#include "server/lib/dial/wait.h"

#include "relay/clock.h"

#include <errno.h>

int dial_wait(const struct dial_wait *wait, struct pollfd *set, nfds_t count, int64_t until_us)
{
    struct pollfd all[1 + DIAL_MAX_DESCRIPTORS] = {{.fd = wait->cancel_fd, .events = POLLIN}};
    struct timespec left;
    for (nfds_t i = 0; i < count; i++)
        all[1 + i] = set[i];
    int ready = ppoll(all, 1 + count, clock_left(until_us, &left), NULL);
    if (ready < 0 && errno != EINTR)
        return errno;
    for (nfds_t i = 0; i < count; i++) {
        set[i].revents = 0;
        if (ready > 0)
            set[i].revents = all[1 + i].revents;
    }
    return all[0].revents != 0 ? ECANCELED : 0;
}

bool dial_is_cancelled(int cancel_fd)
{
    struct pollfd set = {.fd = cancel_fd, .events = POLLIN};
    return poll(&set, 1, 0) > 0;
}
