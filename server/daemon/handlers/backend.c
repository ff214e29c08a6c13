#include "server/daemon/handlers/backend.h"

#include "relay/clock.h"
#include "server/lib/conn.h"
#include "server/lib/dial/dial.h"

#include <errno.h>
#include <string.h>

enum { CONNECT_MS = 10000, MAX_EXTRA = 4 /* descriptors in one wait: see relay_wait */ };

/* One dial and its result. */
struct backend {
    actpass_conn *conn;
    struct error_text reason; /* the last failure */
    bool cancelled;           /* the TLS connection was aborted, or has failed */
};

/* The wait of struct dial_wait: serves the TLS connection, and gives up when that has failed. */
static int wait_beside_tls(void *arg, struct pollfd *set, nfds_t count, int64_t until_us)
{
    struct backend *backend = arg;
    enum relay_wait wait = conn_wait_until(backend->conn, RELAY_FAILED, set, count, until_us);
    backend->cancelled = wait == WAIT_CANCELLED || conn_is_broken(backend->conn);
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
                                       .max_descriptors = MAX_EXTRA},
                              .observer = {.failed = note_failure, .arg = &backend}};
    int fd = dial_first(&dial, &winner);
    if (fd < 0) {
        (void)error_set(
            problem, "cannot connect to the backend %s: %s; is it running, and reachable?",
            address->text, backend.cancelled ? strerror(ECANCELED) : backend.reason.text);
    }
    return fd;
}
