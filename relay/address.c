/* The address of our end of the socket. */
#include "relay/internal.h"

bool relay_local_address(struct relay *relay, struct sockaddr *address, socklen_t *size)
{
    relay_lock(relay);
    int fd = relay->fd; /* stays open for as long as the caller may call; then -1 */
    relay_unlock(relay);
    return getsockname(fd, address, size) == 0;
}
