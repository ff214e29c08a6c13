#include "server/daemon/handlers/backend.h"

#include "relay/clock.h"
#include "server/lib/conn.h"
#include "server/lib/dial/dial.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { CONNECT_MS = 10000, LOOK_EVERY_MS = 500 };

enum { MAX_EXTRA = 4 }; /* descriptors beside the connection's in one wait; see relay_wait */

/* One connect, and what became of it. */
struct backend {
    actpass_conn *conn;
    char reason[160]; /* the last failure */
    bool cancelled;   /* the TLS connection was aborted, or has failed */
};

/* Returns a descriptor that becomes readable at the deadline: a time limit at which the TLS
 * connection must not end. -1 with errno. */
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

/* Serves the TLS connection until one of the descriptors is ready or the time has come. 0, or an
 * errno; ECANCELED: the connection has ended. */
static int wait_once(actpass_conn *conn, struct pollfd *set, nfds_t count, int64_t until_us)
{
    struct pollfd extra[MAX_EXTRA];
    int timer = open_timer(until_us);
    if (timer < 0)
        return errno;
    extra[0] = (struct pollfd){.fd = timer, .events = POLLIN};
    memcpy(extra + 1, set, count * sizeof(*set));
    bool open = conn_wait(conn, 0, extra, 1 + count, DEADLINE_NEVER);
    for (nfds_t i = 0; i < count; i++)
        set[i].revents = extra[1 + i].revents;
    close(timer);
    return open ? 0 : ECANCELED;
}

/* The wait of struct dial_wait. conn_wait does not report that the peer has reset the connection,
 * so its state is looked at now and then. */
static int wait_beside_tls(void *arg, struct pollfd *set, nfds_t count, int64_t until_us)
{
    struct backend *backend = arg;
    int64_t look_us = clock_deadline_ms(LOOK_EVERY_MS);
    int error = wait_once(backend->conn, set, count, look_us < until_us ? look_us : until_us);
    if (error == 0 && conn_is_broken(backend->conn))
        error = ECANCELED;
    backend->cancelled = error == ECANCELED;
    return error;
}

static void note_failure(void *arg, const char *address, const char *why)
{
    struct backend *backend = arg;
    (void)address;
    (void)snprintf(backend->reason, sizeof(backend->reason), "%s", why);
}

int backend_connect(actpass_conn *conn, const struct config_address *address, char *problem,
                    size_t size)
{
    struct backend backend = {.conn = conn};
    struct candidate winner;
    const struct dial dial = {.addresses = address,
                              .count = 1,
                              .deadline_us = clock_deadline_ms(CONNECT_MS),
                              .limit_name = "10 seconds",
                              .wait = {.cancel_fd = -1,
                                       .poll = wait_beside_tls,
                                       .arg = &backend,
                                       .max_descriptors = MAX_EXTRA - 1},
                              .ear = {.failed = note_failure, .arg = &backend}};
    int fd = dial_first(&dial, &winner);
    if (fd < 0) {
        (void)snprintf(problem, size,
                       "cannot connect to the backend %s: %s; is it running, and reachable?",
                       address->text, backend.cancelled ? strerror(ECANCELED) : backend.reason);
    }
    return fd;
}
