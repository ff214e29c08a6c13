#include "server/daemon/handlers/backend.h"

#include "relay/clock.h"
#include "server/daemon/handlers/backends.h"
#include "server/lib/conn.h"
#include "tests/support/resources.h"
#include "tests/support/steps.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* A listening socket, and connections that fill its backlog. */
struct backend {
    int fd;
    char text[128];
    char path[64]; /* of a unix socket */
    struct sockaddr_storage where;
    socklen_t length;
    int fillers[64];
    size_t filled;
    size_t waiting; /* of those, how many will be accepted */
};

static actpass_conn *conn_of(actpass_config *config, int fd)
{
    cr_assert_eq(actpass_config_set_role(config, ACTPASS_ROLE_SERVER), 0);
    cr_assert_eq(actpass_config_set_nonblocking(config, 1), 0);
    actpass_conn *conn = conn_new(config, fd, NULL);
    cr_assert_not_null(conn);
    return conn;
}

/* A TLS connection that has its role and waits: all that is asked of it is whether it was aborted.
 * The peer's end stays open until the test's process ends. */
static actpass_conn *open_conn(actpass_config *config)
{
    int ends[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    return conn_of(config, ends[0]);
}

static void listen_tcp(struct backend *backend, int backlog)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&backend->where;
    *backend = (struct backend){.length = sizeof(*in)};
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    backend->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(backend->fd, (struct sockaddr *)in, sizeof(*in)), 0);
    cr_assert_eq(listen(backend->fd, backlog), 0);
    cr_assert_eq(getsockname(backend->fd, (struct sockaddr *)in, &backend->length), 0);
    (void)snprintf(backend->text, sizeof(backend->text), "127.0.0.1:%u", ntohs(in->sin_port));
}

static void listen_unix(struct backend *backend, int backlog)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&backend->where;
    *backend = (struct backend){.length = sizeof(*un), .path = "/tmp/actpass-backend-XXXXXX"};
    int unique = mkstemp(backend->path); /* a name that is ours */
    cr_assert_geq(unique, 0);
    close(unique);
    cr_assert_eq(unlink(backend->path), 0);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, backend->path, sizeof(backend->path));
    backend->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(backend->fd, (struct sockaddr *)un, sizeof(*un)), 0);
    cr_assert_eq(listen(backend->fd, backlog), 0);
    (void)snprintf(backend->text, sizeof(backend->text), "unix:%s", backend->path);
}

/* Until a connect neither succeeds nor fails. */
static void fill_backlog(struct backend *backend)
{
    bool full = false;
    while (!full) {
        cr_assert_lt(backend->filled, 64);
        int fd = socket(backend->where.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        cr_assert_geq(fd, 0);
        backend->fillers[backend->filled++] = fd;
        int failed = connect(fd, (struct sockaddr *)&backend->where, backend->length);
        if (failed && errno == EAGAIN) /* unix */
            return;
        struct pollfd set = {.fd = fd, .events = POLLOUT};
        full = failed && poll(&set, 1, 200) == 0;
        backend->waiting++;
    }
}

/* Takes what waits, after a while, and one more. */
static void *accept_later(void *arg)
{
    struct backend *backend = arg;
    struct timespec pause = {.tv_nsec = 100000000};
    struct timeval limit = {.tv_sec = 20};
    nanosleep(&pause, NULL);
    (void)setsockopt(backend->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    for (size_t i = 0; i < backend->waiting + 1; i++) {
        int fd = accept(backend->fd, NULL, NULL);
        if (fd < 0)
            return arg;
        close(fd);
    }
    return NULL;
}

static void close_backend(struct backend *backend)
{
    for (size_t i = 0; i < backend->filled; i++)
        close(backend->fillers[i]);
    close(backend->fd);
    if (backend->path[0] != '\0')
        (void)unlink(backend->path);
}

/* A handler that only connects. */
static int connected;

static enum handler_next connect_only(struct handler_job *job)
{
    return backend_step(job, &connected);
}

static int connect_with(actpass_conn *conn, const char *text, struct error_text *problem,
                        enum steps_wait wait)
{
    static const struct handler only = {.name = "backend", .step = connect_only};
    struct config_address address;
    struct config_handler what = {.kind = CONFIG_HANDLER_FORWARD,
                                  .forward = {.items = &address, .count = 1}};
    struct handler_job job = steps_job(conn);
    job.what = &what;
    job.loaded = backends_new(&what.forward, problem);
    cr_assert_null(config_address_parse(text, &address), "%s", text);
    cr_assert_lt(steps_run(&only, &job, wait), 500, "it waits where it has nothing to do");
    cr_assert_null(job.state);
    cr_assert_eq(job.own.fd, -1);
    *problem = job.problem;
    free(job.backend_address);
    if (connected >= 0) {
        cr_assert_str_eq(job.backend, text);
        cr_assert_eq(backends_look(job.loaded, 0).connections, 1);
        backend_left(&job);
    }
    cr_assert_eq(backends_look(job.loaded, 0).connections, 0);
    backends_free(job.loaded);
    config_address_free(&address);
    return connected;
}

static int connect_to(actpass_conn *conn, const char *text, struct error_text *problem)
{
    return connect_with(conn, text, problem, STEPS_EDGE);
}

static void expect_good(int fd, const struct error_text *problem, bool tcp)
{
    int value = 0;
    socklen_t length = sizeof(value);
    cr_assert_geq(fd, 0, "%s", problem->text);
    cr_assert_str_eq(problem->text, "");
    cr_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
    cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    cr_assert_eq(getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &length), 0);
    cr_assert_eq(value, 0);
    if (tcp) {
        cr_assert_eq(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &length), 0);
        cr_assert_neq(value, 0);
    }
    close(fd);
}

Test(backend, connects)
{
    actpass_config *config = actpass_config_new();
    actpass_conn *conn = open_conn(config);
    void (*const listeners[])(struct backend *, int) = {listen_tcp, listen_unix};
    for (size_t i = 0; i < 2; i++) {
        struct backend backend;
        struct error_text problem = {.text = ""};
        listeners[i](&backend, 4);
        expect_good(connect_to(conn, backend.text, &problem), &problem, i == 0);
        close_backend(&backend);
    }
    actpass_free(conn);
    actpass_config_free(config);
}

/* Where localhost is ::1 too, nobody listens there, and the next address is tried. */
Test(backend, tries_all_addresses_of_a_name)
{
    actpass_config *config = actpass_config_new();
    actpass_conn *conn = open_conn(config);
    struct backend backend;
    char text[64];
    struct error_text problem = {.text = ""};
    listen_tcp(&backend, 4);
    (void)snprintf(text, sizeof(text), "localhost%s", strrchr(backend.text, ':'));
    expect_good(connect_to(conn, text, &problem), &problem, true);
    close_backend(&backend);
    actpass_free(conn);
    actpass_config_free(config);
}

Test(backend, waits_while_the_backlog_is_full, .timeout = 60)
{
    actpass_config *config = actpass_config_new();
    actpass_conn *conn = open_conn(config);
    void (*const listeners[])(struct backend *, int) = {listen_tcp, listen_unix};
    for (size_t i = 0; i < 2; i++) {
        struct backend backend;
        struct error_text problem = {.text = ""};
        pthread_t thread;
        void *failed = NULL;
        listeners[i](&backend, 0);
        fill_backlog(&backend);
        cr_assert_eq(pthread_create(&thread, NULL, accept_later, &backend), 0);
        expect_good(connect_to(conn, backend.text, &problem), &problem, i == 0);
        cr_assert_eq(pthread_join(thread, &failed), 0);
        cr_assert_null(failed);
        close_backend(&backend);
    }
    cr_assert_eq(actpass_ended(conn), ACTPASS_OPEN, "the time limits were the backend's");
    actpass_free(conn);
    actpass_config_free(config);
}

static void *abort_later(void *arg)
{
    pause_ms(100);
    actpass_abort(arg);
    return NULL;
}

Test(backend, an_abort_ends_the_wait, .timeout = 60)
{
    void (*const listeners[])(struct backend *, int) = {listen_tcp, listen_unix};
    for (size_t i = 0; i < 2; i++) {
        actpass_config *config = actpass_config_new();
        actpass_conn *conn = open_conn(config);
        struct backend backend;
        struct error_text problem = {.text = ""};
        char wanted[256];
        pthread_t thread;
        listeners[i](&backend, 0);
        fill_backlog(&backend);
        int64_t began_us = clock_now_us();
        cr_assert_eq(pthread_create(&thread, NULL, abort_later, conn), 0);
        cr_assert_eq(connect_to(conn, backend.text, &problem), -1);
        cr_assert_lt(clock_now_us() - began_us, 8000000, "before the time limit");
        cr_assert_eq(pthread_join(thread, NULL), 0);
        (void)snprintf(wanted, sizeof(wanted),
                       "cannot connect to the backend %s: Operation canceled; is it running, and "
                       "reachable?",
                       backend.text);
        cr_assert_str_eq(problem.text, wanted);
        close_backend(&backend);
        actpass_free(conn);
        actpass_config_free(config);
    }
}

static void *reset_later(void *arg)
{
    pause_ms(2200); /* by then dial waits for the time limit only */
    socket_reset(*(int *)arg);
    return NULL;
}

/* A peer that is gone needs no backend. */
Test(backend, a_reset_by_the_peer_ends_the_wait, .timeout = 60)
{
    int ends[2];
    struct error_text problem = {.text = ""};
    struct backend backend;
    pthread_t thread;
    actpass_config *config = actpass_config_new();
    sockets_tcp(ends);
    actpass_conn *conn = conn_of(config, ends[0]);
    listen_tcp(&backend, 0);
    fill_backlog(&backend);
    int64_t began_us = clock_now_us();
    cr_assert_eq(pthread_create(&thread, NULL, reset_later, &ends[1]), 0);
    cr_assert_eq(connect_to(conn, backend.text, &problem), -1);
    cr_assert_lt(clock_now_us() - began_us, 8000000, "before the time limit");
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_not_null(strstr(problem.text, ": Operation canceled; "), "%s", problem.text);
    close_backend(&backend);
    actpass_free(conn);
    actpass_config_free(config);
}

Test(backend, what_cannot_be_reached_is_named_with_the_reason)
{
    actpass_config *config = actpass_config_new();
    actpass_conn *conn = open_conn(config);
    struct backend gone;
    listen_tcp(&gone, 1);
    close_backend(&gone);
    const struct {
        const char *address, *reason;
    } rows[] = {{gone.text, "Connection refused"},
                {"unix:/no-such-folder/socket", "No such file or directory"},
                {"unix:/dev/null", "Connection refused"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error_text problem = {.text = ""};
        char wanted[256];
        cr_assert_eq(connect_to(conn, rows[i].address, &problem), -1);
        (void)snprintf(wanted, sizeof(wanted),
                       "cannot connect to the backend %s: %s; is it running, and reachable?",
                       rows[i].address, rows[i].reason);
        cr_assert_str_eq(problem.text, wanted);
    }
    cr_assert_eq(actpass_ended(conn), ACTPASS_OPEN, "TLS can still be closed in order");
    actpass_free(conn);
    actpass_config_free(config);
}

Test(backend, no_descriptor_left_is_told)
{
    actpass_config *config = actpass_config_new();
    actpass_conn *conn = open_conn(config);
    struct rlimit before;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = 3, .rlim_max = before.rlim_max};
    static const char *const rows[] = {"127.0.0.1:1", "unix:/tmp/socket"};
    for (size_t i = 0; i < 2; i++) {
        struct error_text problem = {.text = ""};
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
        int fd = connect_with(conn, rows[i], &problem, STEPS_LEVEL); /* which needs none */
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
        cr_assert_eq(fd, -1);
        cr_assert_not_null(strstr(problem.text, "Too many open files"), "%s", problem.text);
    }
    actpass_free(conn);
    actpass_config_free(config);
}
