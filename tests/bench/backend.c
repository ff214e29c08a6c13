/* The plain backend of the benchmark: echo, source or sink, as common/protocol.h says. One thread,
 * epoll, and as little work as possible, since it shares a processor with the load generator.
 *
 *     backend        listens on a free port of 127.0.0.1, prints `port=N`, and serves until killed
 */
#include "common/protocol.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_SIZE = 256 * 1024, MOST_CONNECTIONS = 65536 };

struct conn {
    size_t header_size;
    unsigned char header[REQUEST_SIZE];
    uint64_t left;
};

struct backend {
    int listener;
    int epoll;
    rlim_t limit;       /* descriptors are below it */
    struct conn *conns; /* by descriptor */
    unsigned char *buffer;
};

/* What is left to do for a connection after a step. */
enum step { STEP_WAIT, STEP_GO_ON, STEP_CLOSE };

static enum step after(ssize_t result)
{
    if (result > 0)
        return STEP_GO_ON;
    return result < 0 && (errno == EAGAIN || errno == EINTR) ? STEP_WAIT : STEP_CLOSE;
}

static enum step take_header(struct conn *conn, int fd)
{
    ssize_t got = recv(fd, conn->header + conn->header_size, REQUEST_SIZE - conn->header_size, 0);
    if (got > 0) {
        conn->header_size += (size_t)got;
        conn->left = request_bytes(conn->header);
    }
    return after(got);
}

/* Messages are small and the client waits for each, so the answer always fits the socket. */
static enum step echo(struct backend *backend, int fd)
{
    ssize_t got = recv(fd, backend->buffer, BUFFER_SIZE, 0);
    if (got <= 0)
        return after(got);
    return send(fd, backend->buffer, (size_t)got, MSG_NOSIGNAL) == got ? STEP_GO_ON : STEP_CLOSE;
}

static enum step source(struct backend *backend, struct conn *conn, int fd)
{
    if (conn->left == 0) /* only the FIN is still to come */
        return after(recv(fd, backend->buffer, BUFFER_SIZE, 0));
    size_t size = conn->left < BUFFER_SIZE ? (size_t)conn->left : BUFFER_SIZE;
    ssize_t sent = send(fd, backend->buffer, size, MSG_NOSIGNAL);
    if (sent > 0)
        conn->left -= (uint64_t)sent;
    return after(sent);
}

static enum step sink(struct backend *backend, struct conn *conn, int fd)
{
    ssize_t got = recv(fd, backend->buffer, BUFFER_SIZE, 0);
    if (got > 0 && conn->left > 0) {
        conn->left -= (uint64_t)got < conn->left ? (uint64_t)got : conn->left;
        if (conn->left == 0 && send(fd, "k", 1, MSG_NOSIGNAL) != 1)
            return STEP_CLOSE;
    }
    return after(got);
}

static enum step serve(struct backend *backend, int fd)
{
    struct conn *conn = &backend->conns[fd];
    if (conn->header_size < REQUEST_SIZE)
        return take_header(conn, fd);
    switch (conn->header[0]) {
    case REQUEST_ECHO:
        return echo(backend, fd);
    case REQUEST_SOURCE:
        return source(backend, conn, fd);
    case REQUEST_SINK:
        return sink(backend, conn, fd);
    default:
        return STEP_CLOSE;
    }
}

/* Serves all that the socket has, since the events are edge-triggered. */
static void on_event(struct backend *backend, int fd, uint32_t events)
{
    enum step step = STEP_GO_ON;
    bool ended = (events & (EPOLLHUP | EPOLLERR)) != 0;
    if (events & EPOLLRDHUP && backend->conns[fd].header[0] == REQUEST_SOURCE)
        ended = true; /* the reader of a source must not end before it */
    while (!ended && step == STEP_GO_ON)
        step = serve(backend, fd);
    if (ended || step == STEP_CLOSE)
        close(fd);
}

static void accept_all(struct backend *backend)
{
    int fd;
    while ((fd = accept4(backend->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        int on = 1;
        struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.fd = fd}};
        if ((rlim_t)fd >= backend->limit ||
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
            epoll_ctl(backend->epoll, EPOLL_CTL_ADD, fd, &event)) {
            perror("backend: a connection");
            close(fd);
            continue;
        }
        backend->conns[fd] = (struct conn){0};
    }
}

static int listen_on_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) || listen(fd, 4096) ||
        getsockname(fd, (struct sockaddr *)&address, &size)) {
        perror("backend: no port to listen on");
        exit(1);
    }
    printf("port=%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

/* Raises the descriptor limit to its maximum, and allocates a place for each. */
static void make_room(struct backend *backend)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit)) {
        perror("backend: the limit of descriptors");
        exit(1);
    }
    limit.rlim_cur = limit.rlim_max < MOST_CONNECTIONS ? limit.rlim_max : MOST_CONNECTIONS;
    backend->limit = limit.rlim_cur;
    backend->conns = calloc(limit.rlim_cur, sizeof(*backend->conns));
    if (!backend->conns || setrlimit(RLIMIT_NOFILE, &limit)) {
        perror("backend: room for connections");
        exit(1);
    }
}

int main(void)
{
    static unsigned char buffer[BUFFER_SIZE];
    struct backend backend = {.buffer = buffer};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    make_room(&backend);
    backend.listener = listen_on_free_port();
    backend.epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event listening = {EPOLLIN, {.fd = backend.listener}};
    if (backend.epoll < 0 ||
        epoll_ctl(backend.epoll, EPOLL_CTL_ADD, backend.listener, &listening)) {
        perror("backend: epoll");
        free(backend.conns);
        return 1;
    }
    for (;;) {
        struct epoll_event events[64];
        int count = epoll_wait(backend.epoll, events, 64, -1);
        for (int i = 0; i < count; i++)
            if (events[i].data.fd == backend.listener)
                accept_all(&backend);
            else
                on_event(&backend, events[i].data.fd, events[i].events);
    }
}
