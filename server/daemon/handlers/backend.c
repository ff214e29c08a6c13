#include "server/daemon/handlers/backend.h"

#include "relay/clock.h"
#include "server/daemon/crew/crew.h"
#include "server/lib/dial/dial.h"

#include <errno.h>
#include <string.h>

enum { CONNECT_MS = 10000, LOOK_MS = 1000 };

/* One dial and its result. */
struct backend {
    actpass_conn *conn;
    struct error_text reason; /* the last failure */
    bool peer_ended;          /* the TLS connection's input has ended */
    bool cancelled;           /* the TLS connection was aborted, or has failed */
    bool blocked;             /* crew_block was called */
};

/* The first wait of a connect to this host, and of a lookup that needs no server, is over at once.
 */
static int poll_patiently(struct backend *backend, struct pollfd *set, nfds_t count,
                          int64_t until_us)
{
    struct timespec left;
    int ready = poll(set, count, 0);
    if (ready != 0)
        return ready;
    if (!backend->blocked)
        crew_block();
    backend->blocked = true;
    return ppoll(set, count, clock_left(until_us, &left), NULL);
}

/* Looks at the TLS connection. Its input stays where it is, also its end: a peer that has sent all
 * may wait for an answer. */
static bool prepare(struct backend *backend, struct pollfd *tls)
{
    (void)actpass_prepare_wait(backend->conn, tls);
    tls->events = (short)((tls->events & POLLOUT) | (backend->peer_ended ? 0 : POLLRDHUP));
    /* A reset that was received together with the peer's last bytes has no event any more. */
    backend->cancelled = backend->cancelled || actpass_ended(backend->conn) != ACTPASS_OPEN ||
                         actpass_is_broken(backend->conn);
    return !backend->cancelled;
}

static void note_events(struct backend *backend, short revents)
{
    if (revents == 0)
        return;
    actpass_note_events(backend->conn, revents);
    backend->peer_ended = backend->peer_ended || (revents & POLLRDHUP) != 0;
    backend->cancelled = (revents & (POLLHUP | POLLERR)) != 0;
}

/* After the peer's end, or while there is no room for more input, an abort has no event. */
static int64_t next_look_us(const struct backend *backend, const struct pollfd *tls,
                            int64_t until_us)
{
    int64_t look_us = clock_deadline_ms(LOOK_MS);
    bool looks = backend->peer_ended || tls->fd < 0;
    return looks && look_us < until_us ? look_us : until_us;
}

/* The wait of struct dial_wait. */
static int wait_beside_tls(void *arg, struct pollfd *set, nfds_t count, int64_t until_us)
{
    struct backend *backend = arg;
    struct pollfd all[1 + DIAL_MAX_DESCRIPTORS];
    if (!prepare(backend, &all[0]))
        return ECANCELED;
    for (nfds_t i = 0; i < count; i++)
        all[1 + i] = set[i];
    int ready = poll_patiently(backend, all, 1 + count, next_look_us(backend, &all[0], until_us));
    if (ready < 0 && errno != EINTR)
        return errno;
    for (nfds_t i = 0; i < count; i++)
        set[i].revents = (short)(ready > 0 ? all[1 + i].revents : 0);
    note_events(backend, (short)(ready > 0 ? all[0].revents : 0));
    return backend->cancelled ? ECANCELED : 0;
}

static void note_failure(void *arg, const char *address, const char *why)
{
    struct backend *backend = arg;
    (void)address;
    (void)error_set(&backend->reason, "%s", why);
}

int backend_connect(actpass_conn *conn, const struct config_address *address,
                    struct error_text *problem)
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
                                       .max_descriptors = DIAL_MAX_DESCRIPTORS},
                              .observer = {.failed = note_failure, .arg = &backend}};
    int fd = dial_first(&dial, &winner);
    if (backend.blocked)
        crew_unblock();
    if (fd < 0) {
        (void)error_set(
            problem, "cannot connect to the backend %s: %s; is it running, and reachable?",
            address->text, backend.cancelled ? strerror(ECANCELED) : backend.reason.text);
    }
    return fd;
}
