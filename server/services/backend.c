#include "server/services/backend.h"

#include "relay/clock.h"
#include "server/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONNECT_MS = 10000 };

/* A descriptor that becomes readable at the deadline: a time limit of ours, at which the TLS
 * connection must not end. */
static int open_timer(int64_t deadline_us)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    struct itimerspec when = {.it_value = clock_absolute(deadline_us)};
    if (timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* Waits until the connecting socket has something to say. 0, or an errno. */
static int wait_connected(actpass_conn *conn, int fd, int64_t deadline_us)
{
    int timer = open_timer(deadline_us);
    if (timer < 0) {
        return errno;
    }
    struct pollfd extra[] = {{.fd = fd, .events = POLLOUT}, {.fd = timer, .events = POLLIN}};
    bool open;
    do {
        open = conn_wait(conn, 0, extra, 2, DEADLINE_NEVER);
    } while (open && extra[0].revents == 0 && extra[1].revents == 0);
    close(timer);
    if (!open) {
        return ECANCELED;
    }
    return extra[0].revents != 0 ? 0 : ETIMEDOUT;
}

/* On loopback a second connect finds the connection made already, which saves a poll. */
static int connect_within(actpass_conn *conn, int fd, const struct sockaddr *where,
                          socklen_t length, int64_t deadline_us)
{
    for (;;) {
        if (connect(fd, where, length) == 0 || errno == EISCONN) {
            return 0;
        }
        int error = errno;
        if (error == EALREADY) {
            error = wait_connected(conn, fd, deadline_us);
        } else if (error == EINPROGRESS || error == EINTR) {
            error = 0;
        }
        if (error != 0) {
            return error;
        }
    }
}

/* 0 and a descriptor, or an errno. */
static int try_address(actpass_conn *conn, const struct addrinfo *where, int64_t deadline_us,
                       int *result)
{
    int on = 1;
    int fd = socket(where->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    int error = setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ? errno : 0;
    if (error == 0) {
        error = connect_within(conn, fd, where->ai_addr, where->ai_addrlen, deadline_us);
    }
    if (error != 0) {
        close(fd);
        return error;
    }
    *result = fd;
    return 0;
}

static int connect_tcp(actpass_conn *conn, const struct config_address *address,
                       const char **reason)
{
    int64_t deadline_us = clock_deadline_ms(CONNECT_MS);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[8];
    (void)snprintf(port, sizeof(port), "%u", (unsigned)address->port);
    int failed = getaddrinfo(address->host, port, &hints, &found);
    if (failed != 0) {
        *reason = failed == EAI_SYSTEM ? strerror(errno) : gai_strerror(failed);
        return -1;
    }
    int fd = -1;
    int error = ENOENT;
    for (const struct addrinfo *one = found; one != NULL && fd < 0; one = one->ai_next) {
        error = try_address(conn, one, deadline_us, &fd);
        if (error == ETIMEDOUT || error == ECANCELED) {
            break;
        }
    }
    freeaddrinfo(found);
    *reason = error != 0 ? strerror(error) : "";
    return fd;
}

/* A unix socket whose backlog is full answers a non-blocking connect with EAGAIN, and poll tells
 * nothing; so this connect blocks, within the socket's own time limit. */
static int connect_unix(const struct config_address *address, const char **reason)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    size_t length = strlen(address->path);
    if (length >= sizeof(where.sun_path)) {
        *reason = "the path is too long";
        return -1;
    }
    memcpy(where.sun_path, address->path, length);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        *reason = strerror(errno);
        return -1;
    }
    struct timeval limit = {.tv_sec = CONNECT_MS / 1000};
    int flags = fcntl(fd, F_GETFL);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0 ||
        connect(fd, (const struct sockaddr *)&where, sizeof(where)) != 0 || flags < 0 ||
        fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        *reason = errno == EAGAIN ? strerror(ETIMEDOUT) : strerror(errno);
        close(fd);
        return -1;
    }
    return fd;
}

int backend_connect(actpass_conn *conn, const struct config_address *address, char *problem,
                    size_t size)
{
    const char *reason = "";
    int fd = address->kind == CONFIG_ADDRESS_UNIX ? connect_unix(address, &reason)
                                                  : connect_tcp(conn, address, &reason);
    if (fd < 0) {
        (void)snprintf(problem, size,
                       "cannot connect to the backend %s: %s; is it running, and reachable?",
                       address->text, reason);
    }
    return fd;
}
