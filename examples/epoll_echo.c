/* An echo server with an event loop of its own: one thread, epoll, any number of clients.
 *
 *     epoll_echo CONFIGURATION.json
 *
 * It takes the TLS settings of the first service of the configuration, but listens on a free port
 * of 127.0.0.1. common/echo.c has what it says; here is how it waits. uv_echo.c is the same with
 * libuv. */
#include "common/echo.h"
#include "common/loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_EVENTS = 64, PAUSE_MS = 1000 };

struct client {
    struct echo echo;
    int64_t due_ms; /* when to go on, whether or not there is an event */
    struct client *next;
};

struct server {
    actpass_config *config;
    int epoll, listener;
    int64_t resume_ms;  /* while nobody is accepted: until when; INT64_MAX: clients are accepted */
    int64_t soonest_ms; /* no client is due before */
    struct client *clients;
};

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* ---- Clients ------------------------------------------------------------------------------ */

/* What can be done at once for a client; then it is due at the latest when the library says, and at
 * once if it is closed. */
static void go_on(struct server *server, struct client *client)
{
    struct pollfd socket;
    int timeout = echo_go_on(&client->echo, &socket);
    client->due_ms = timeout < 0 ? INT64_MAX : now_ms() + timeout;
    if (client->due_ms < server->soonest_ms)
        server->soonest_ms = client->due_ms;
}

/* The descriptor is registered once, edge-triggered, for all that may ever be waited for: then no
 * system call is needed to change it. Closing it takes it out of the set. */
static struct client *add_client(struct server *server, int fd)
{
    struct client *client = calloc(1, sizeof(*client));
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = client};
    if (!client || epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        free(client);
        close(fd);
        return NULL;
    }
    echo_begin(&client->echo, actpass_accept_fd(server->config, fd)); /* takes the socket */
    if (!client->echo.conn) {
        fprintf(stderr, "epoll_echo: %s\n", actpass_config_error(server->config));
        free(client);
        return NULL;
    }
    client->next = server->clients;
    server->clients = client;
    return client;
}

/* ---- The listener ------------------------------------------------------------------------- */

static void listen_for(const struct server *server, unsigned events)
{
    struct epoll_event event = {.events = events, .data.ptr = NULL};
    if (epoll_ctl(server->epoll, EPOLL_CTL_MOD, server->listener, &event) != 0)
        perror("epoll_echo: epoll_ctl");
}

/* Out of descriptors, the listener would be ready all the time. So nobody is accepted until a
 * client has left, or for a moment: what is missing may be held by other programs. */
static void pause_accepting(struct server *server)
{
    listen_for(server, 0);
    server->resume_ms = now_ms() + PAUSE_MS;
}

static void resume_accepting(struct server *server)
{
    if (server->resume_ms != INT64_MAX)
        listen_for(server, EPOLLIN);
    server->resume_ms = INT64_MAX;
}

static void accept_client(struct server *server)
{
    int fd = loopback_try_accept(server->listener);
    if (fd == LOOPBACK_EXHAUSTED)
        pause_accepting(server);
    struct client *client = fd < 0 ? NULL : add_client(server, fd);
    if (client)
        go_on(server, client);
}

/* ---- The loop ----------------------------------------------------------------------------- */

/* Takes the first client of *LIST out. No event of the batch is about a client that is freed here,
 * since this is done between two batches. */
static void remove_client(struct server *server, struct client **list)
{
    struct client *client = *list;
    *list = client->next;
    actpass_free(client->echo.conn);
    free(client);
    resume_accepting(server);
}

/* Looks at all clients, but only when one of them may be due; a server with very many would keep
 * them in a heap. */
static void go_on_with_due(struct server *server)
{
    int64_t now = now_ms();
    if (now < server->soonest_ms)
        return;
    server->soonest_ms = INT64_MAX;
    struct client **list = &server->clients;
    while (*list) {
        struct client *client = *list;
        if (client->due_ms <= now && client->echo.phase != ECHO_CLOSED)
            go_on(server, client);
        if (client->echo.phase == ECHO_CLOSED) {
            remove_client(server, list);
            continue;
        }
        if (client->due_ms < server->soonest_ms)
            server->soonest_ms = client->due_ms;
        list = &client->next;
    }
}

static int wait_ms(const struct server *server)
{
    int64_t due = server->resume_ms < server->soonest_ms ? server->resume_ms : server->soonest_ms;
    if (due == INT64_MAX)
        return -1;
    int64_t wait = due - now_ms();
    return wait < 0 ? 0 : wait > 60000 ? 60000 : (int)wait;
}

static void on_event(struct server *server, const struct epoll_event *event)
{
    struct client *client = event->data.ptr;
    if (!client) {
        accept_client(server);
        return;
    }
    actpass_note_events(client->echo.conn, (short)event->events); /* the bits are those of poll */
    go_on(server, client);
}

static void serve(struct server *server)
{
    for (;;) {
        struct epoll_event events[MAX_EVENTS];
        int count = epoll_wait(server->epoll, events, MAX_EVENTS, wait_ms(server));
        if (count < 0 && errno != EINTR) {
            perror("epoll_echo: epoll_wait");
            return;
        }
        for (int i = 0; i < count; i++)
            on_event(server, &events[i]);
        go_on_with_due(server);
        if (now_ms() >= server->resume_ms)
            resume_accepting(server);
    }
}

static int begin(struct server *server, const char *file)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    server->config = actpass_config_new();
    if (!server->config || actpass_config_load(server->config, file, NULL) != 0 ||
        actpass_config_set_nonblocking(server->config, 1) != 0) {
        fprintf(stderr, "epoll_echo: %s\n",
                server->config ? actpass_config_error(server->config) : "out of memory");
        return -1;
    }
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    server->listener = server->epoll >= 0 ? loopback_listen(0) : -1;
    if (server->listener >= 0 && fcntl(server->listener, F_SETFL, O_NONBLOCK) == 0 &&
        epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->listener, &event) == 0)
        return 0;
    perror("epoll_echo: cannot begin");
    return -1;
}

int main(int argc, char **argv)
{
    struct server server = {
        .epoll = -1, .listener = -1, .resume_ms = INT64_MAX, .soonest_ms = INT64_MAX};
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 2) {
        fprintf(stderr, "usage: epoll_echo CONFIGURATION.json\n");
        return 2;
    }
    if (begin(&server, argv[1]) == 0)
        serve(&server); /* returns only if epoll fails */
    while (server.clients)
        remove_client(&server, &server.clients);
    if (server.listener >= 0)
        close(server.listener);
    if (server.epoll >= 0)
        close(server.epoll);
    actpass_config_free(server.config);
    return 2;
}
