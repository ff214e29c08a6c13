#include "backend.h"

#include <actpass.h>

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int connect_to(const struct addrinfo *to)
{
    int on = 1;
    int fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, to->ai_addr, to->ai_addrlen) != 0) {
        close(fd);
        return -1;
    }
    if (fd >= 0) /* without it small answers wait for the acknowledgement of earlier ones */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

static int connect_to_any(const char *address)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char host[256];
    const char *colon = strrchr(address, ':');
    int length = colon ? (int)(colon - address) : 0;
    if (!colon || snprintf(host, sizeof(host), "%.*s", length, address) != length ||
        getaddrinfo(host, colon + 1, &hints, &found) != 0)
        return -1;
    int fd = -1;
    for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next)
        fd = connect_to(at);
    freeaddrinfo(found);
    return fd;
}

int backend_connect(const char *address)
{
    int fd = connect_to_any(address);
    if (fd < 0)
        printf("event=backend error=\"cannot connect to %s\"\n", address);
    return fd;
}

static int64_t result(ssize_t length)
{
    if (length >= 0)
        return length;
    return errno == EAGAIN || errno == EINTR ? ACTPASS_AGAIN : -1;
}

int64_t backend_read(int fd, void *buffer, size_t size)
{
    return result(recv(fd, buffer, size, MSG_DONTWAIT));
}

int64_t backend_write(int fd, const void *data, size_t size)
{
    return result(send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL));
}

void backend_close(int fd, bool in_order)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    if (!in_order)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(fd);
}
