#include "server/daemon/handlers/backend.h"

#include "relay/clock.h"
#include "server/lib/conn.h"
#include "server/lib/dial/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONNECT_MS = 10000, BUSY_DELAY_MS = 20, LOOK_EVERY_MS = 500 };

/* A descriptor that becomes readable at the deadline: a time limit of ours, at which the TLS
 * connection must not end. */
static int open_timer(int64_t deadline_us)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0)
        return -1;
    struct itimerspec when = {.it_value = clock_absolute(deadline_us)};
    if (timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* 0, or an errno: ETIMEDOUT at the deadline. */
static int wait_once(actpass_conn *conn, int fd, short events, int64_t deadline_us)
{
    int timer = open_timer(deadline_us);
    if (timer < 0)
        return errno;
    struct pollfd extra[] = {{.fd = fd, .events = events}, {.fd = timer, .events = POLLIN}};
    bool open;
    do {
        open = conn_wait(conn, 0, extra, 2, DEADLINE_NEVER);
    } while (open && extra[0].revents == 0 && extra[1].revents == 0);
    close(timer);
    if (!open)
        return ECANCELED;
    return extra[0].revents != 0 ? 0 : ETIMEDOUT;
}

/* Waits for EVENTS of a descriptor; -1: for the deadline. 0, or an errno: ETIMEDOUT at the
 * deadline, ECANCELED where nobody is left to wait for: conn_wait does not say that the peer has
 * reset the connection, so it is looked at now and then. */
static int wait_for(actpass_conn *conn, int fd, short events, int64_t deadline_us)
{
    int error;
    do {
        int64_t look_us = clock_deadline_ms(LOOK_EVERY_MS);
        error = wait_once(conn, fd, events, look_us < deadline_us ? look_us : deadline_us);
        if (error == ETIMEDOUT && conn_is_broken(conn))
            return ECANCELED;
    } while (error == ETIMEDOUT && clock_now_us() < deadline_us);
    return error;
}

/* A unix socket whose backlog is full answers EAGAIN, and poll tells nothing: try again after a
 * moment. */
static int wait_for_backlog(actpass_conn *conn, int64_t deadline_us)
{
    int64_t retry_us = clock_deadline_ms(BUSY_DELAY_MS);
    if (retry_us >= deadline_us)
        return ETIMEDOUT;
    int error = wait_for(conn, -1, 0, retry_us);
    return error == ETIMEDOUT ? 0 : error;
}

/* On loopback a second connect finds the connection made already, which saves a poll. */
static int connect_within(actpass_conn *conn, int fd, const struct sockaddr *where,
                          socklen_t length, int64_t deadline_us)
{
    for (;;) {
        if (connect(fd, where, length) == 0 || errno == EISCONN)
            return 0;
        int error = errno;
        if (error == EALREADY)
            error = wait_for(conn, fd, POLLOUT, deadline_us);
        else if (error == EAGAIN)
            error = wait_for_backlog(conn, deadline_us);
        else if (error == EINPROGRESS || error == EINTR)
            error = 0;
        if (error != 0)
            return error;
    }
}

/* 0 and a descriptor, or an errno. */
static int try_address(actpass_conn *conn, const struct sockaddr *where, socklen_t length,
                       int64_t deadline_us, int *result)
{
    int on = 1;
    int fd = socket(where->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    bool tcp = where->sa_family != AF_UNIX;
    int error = tcp && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ? errno : 0;
    if (error == 0)
        error = connect_within(conn, fd, where, length, deadline_us);
    if (error != 0) {
        close(fd);
        return error;
    }
    *result = fd;
    return 0;
}

struct waiting {
    actpass_conn *conn;
    int64_t deadline_us;
};

static int until_readable(void *arg, int fd)
{
    const struct waiting *waiting = arg;
    return wait_for(waiting->conn, fd, POLLIN, waiting->deadline_us);
}

static int connect_tcp(actpass_conn *conn, const struct config_address *address,
                       const char **reason)
{
    struct waiting waiting = {conn, clock_deadline_ms(CONNECT_MS)};
    struct resolve_wait wait = {until_readable, &waiting};
    struct addrinfo *found = NULL;
    *reason = resolve(address->host, address->port, 0, &wait, &found);
    if (*reason)
        return -1;
    int fd = -1;
    int error = ENOENT;
    for (const struct addrinfo *one = found; one && fd < 0; one = one->ai_next) {
        error = try_address(conn, one->ai_addr, one->ai_addrlen, waiting.deadline_us, &fd);
        if (error == ETIMEDOUT || error == ECANCELED)
            break;
    }
    freeaddrinfo(found);
    *reason = error != 0 ? strerror(error) : "";
    return fd;
}

static int connect_unix(actpass_conn *conn, const struct config_address *address,
                        const char **reason)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    size_t length = strlen(address->path);
    if (length >= sizeof(where.sun_path)) {
        *reason = "the path is too long";
        return -1;
    }
    memcpy(where.sun_path, address->path, length);
    int fd = -1;
    int error = try_address(conn, (const struct sockaddr *)&where, sizeof(where),
                            clock_deadline_ms(CONNECT_MS), &fd);
    *reason = error != 0 ? strerror(error) : "";
    return fd;
}

int backend_connect(actpass_conn *conn, const struct config_address *address, char *problem,
                    size_t size)
{
    const char *reason = "";
    int fd = address->kind == CONFIG_ADDRESS_UNIX ? connect_unix(conn, address, &reason)
                                                  : connect_tcp(conn, address, &reason);
    if (fd < 0) {
        (void)snprintf(problem, size,
                       "cannot connect to the backend %s: %s; is it running, and reachable?",
                       address->text, reason);
    }
    return fd;
}
