/* The echo server of epoll_echo.c with libuv: one thread, any number of clients.
 *
 *     uv_echo CONFIGURATION.json
 *
 * It takes the TLS settings of the first service of the configuration, but listens on a free port
 * of 127.0.0.1. Each client has a uv_poll_t for its socket and a uv_timer_t for its timeouts. */
#include "common/echo.h"
#include "common/loopback.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum { PAUSE_MS = 1000 };

struct server {
    actpass_config *config;
    uv_poll_t listener;
    uv_timer_t pause; /* is active while nobody is accepted */
};

struct client {
    struct server *server;
    struct echo echo;
    uv_poll_t poll;
    uv_timer_t timer;
    int handles; /* that are not closed yet */
};

static void on_timer(uv_timer_t *timer);
static void on_poll(uv_poll_t *poll, int status, int events);
static void on_connection(uv_poll_t *listener, int status, int events);

/* ---- The listener ------------------------------------------------------------------------- */

static void resume_accepting(uv_timer_t *pause)
{
    struct server *server = pause->data;
    (void)uv_timer_stop(pause); /* cannot fail */
    int result = uv_poll_start(&server->listener, UV_READABLE, on_connection);
    if (result != 0)
        fprintf(stderr, "uv_echo: cannot watch the listener: %s\n", uv_strerror(result));
}

/* Out of descriptors, the listener would be ready all the time. So nobody is accepted until a
 * client has left, or for a moment: what is missing may be held by other programs. */
static void pause_accepting(struct server *server)
{
    (void)uv_poll_stop(&server->listener); /* neither can fail */
    (void)uv_timer_start(&server->pause, resume_accepting, PAUSE_MS, 0);
}

/* ---- Clients ------------------------------------------------------------------------------ */

static void on_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;
    if (--client->handles > 0)
        return;
    actpass_free(client->echo.conn);
    if (uv_is_active((uv_handle_t *)&client->server->pause))
        resume_accepting(&client->server->pause);
    free(client);
}

static void close_client(struct client *client)
{
    uv_close((uv_handle_t *)&client->poll, on_closed);
    uv_close((uv_handle_t *)&client->timer, on_closed);
}

/* The events of poll(2) as those of libuv. */
static int uv_events(short events)
{
    return (events & POLLIN ? UV_READABLE : 0) | (events & POLLOUT ? UV_WRITABLE : 0) |
           (events & POLLRDHUP ? UV_DISCONNECT : 0);
}

/* What can be done at once; then libuv waits for what the library says. libuv must not watch a
 * descriptor that is closed, and actpass_close may close it. */
static void go_on(struct client *client)
{
    struct pollfd socket;
    if (client->echo.phase == ECHO_CLOSE)
        (void)uv_poll_stop(&client->poll); /* cannot fail */
    int timeout = echo_go_on(&client->echo, &socket);
    if (client->echo.phase == ECHO_CLOSED) {
        close_client(client);
        return;
    }
    int watched = socket.fd >= 0 ? uv_poll_start(&client->poll, uv_events(socket.events), on_poll)
                                 : uv_poll_stop(&client->poll);
    int timed = timeout >= 0 ? uv_timer_start(&client->timer, on_timer, (uint64_t)timeout, 0)
                             : uv_timer_stop(&client->timer);
    if (watched != 0 || timed != 0)
        close_client(client);
}

static void on_timer(uv_timer_t *timer)
{
    go_on(timer->data);
}

/* libuv reports an error of the socket as an error of its own; the library's next call finds it. */
static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    go_on(poll->data);
}

static void add_client(struct server *server, int fd)
{
    struct client *client = calloc(1, sizeof(*client));
    uv_loop_t *loop = server->listener.loop;
    if (!client || uv_poll_init(loop, &client->poll, fd) != 0) {
        free(client);
        close(fd);
        return;
    }
    client->server = server;
    client->poll.data = client->timer.data = client;
    client->handles = 2;
    (void)uv_timer_init(loop, &client->timer);                        /* cannot fail */
    echo_begin(&client->echo, actpass_accept_fd(server->config, fd)); /* takes the socket */
    if (client->echo.conn) {
        go_on(client);
        return;
    }
    fprintf(stderr, "uv_echo: %s\n", actpass_config_error(server->config));
    close_client(client);
}

static void on_connection(uv_poll_t *listener, int status, int events)
{
    struct server *server = listener->data;
    int socket;
    (void)events;
    if (status != 0 || uv_fileno((uv_handle_t *)listener, &socket) != 0)
        return;
    int fd = loopback_try_accept(socket);
    if (fd >= 0)
        add_client(server, fd);
    else if (fd == LOOPBACK_EXHAUSTED)
        pause_accepting(server);
}

/* Returns only if libuv fails, after a message. */
static void serve(uv_loop_t *loop, actpass_config *config, int socket)
{
    struct server server = {.config = config};
    server.listener.data = server.pause.data = &server;
    (void)uv_timer_init(loop, &server.pause); /* cannot fail */
    int result = uv_poll_init(loop, &server.listener, socket);
    if (result == 0)
        result = uv_poll_start(&server.listener, UV_READABLE, on_connection);
    if (result == 0)
        result = uv_run(loop, UV_RUN_DEFAULT);
    fprintf(stderr, "uv_echo: the event loop ended%s%s\n", result < 0 ? ": " : "",
            result < 0 ? uv_strerror(result) : "");
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 2) {
        fprintf(stderr, "usage: uv_echo CONFIGURATION.json\n");
        return 2;
    }
    actpass_config *config = actpass_config_new();
    uv_loop_t *loop = uv_default_loop();
    int listener = -1;
    if (!config || !loop || actpass_config_load(config, argv[1], NULL) != 0 ||
        actpass_config_set_nonblocking(config, 1) != 0)
        fprintf(stderr, "uv_echo: %s\n", config ? actpass_config_error(config) : "out of memory");
    else
        listener = loopback_listen(0);
    if (listener >= 0) {
        serve(loop, config, listener);
        close(listener);
    }
    actpass_config_free(config);
    return 2;
}
