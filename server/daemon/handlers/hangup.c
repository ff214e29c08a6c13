#include "server/daemon/handlers/hangup.h"

#include "server/lib/base/would_block.h"

#include <poll.h>
#include <sys/socket.h>

bool hangup_is_there(int fd)
{
    struct pollfd socket = {.fd = fd, .events = POLLRDHUP};
    return poll(&socket, 1, 0) > 0;
}

bool hangup_is_behind(int fd, size_t size)
{
    char bytes[HANGUP_PEEK_MAX];
    if (!hangup_is_there(fd))
        return false;
    ssize_t again = recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
    return again < 0 ? !would_block() : (size_t)again <= size;
}
