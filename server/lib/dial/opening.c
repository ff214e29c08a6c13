#include "server/lib/dial/opening.h"

#include "relay/clock.h"
#include "server/lib/dial/fast_open.h"

struct attempts {
    const struct opening *opening;
    int64_t deadline_us;
};

bool opening_wants_fast_open(const struct config_connection *connection)
{
    return connection->tcp_fast_open && connection->role == CONFIG_ROLE_CLIENT &&
           connection->transport == CONFIG_TRANSPORT_RELAY;
}

/* SYN data that got lost is the path's doing. With no connection at all the peer may just be away;
 * but where there was not even an answer, the next attempt had better be an ordinary one. */
static void judge_path(const struct opening *opening, actpass_conn *conn,
                       const struct candidate *to)
{
    bool silent = !conn_was_connected(conn) && actpass_ended(conn) == ACTPASS_TIMEOUT;
    if (conn_syn_refused(conn) && (silent || conn_was_connected(conn)))
        fast_open_note_unfit(opening->unfit, to);
}

static bool open_plainly(const struct attempts *attempts, const struct candidate *to)
{
    const struct opening *opening = attempts->opening;
    struct conn_options options = {0};
    struct dial dial = opening->dial;
    if (attempts->deadline_us != DEADLINE_NEVER)
        dial.timeout_ms = (attempts->deadline_us - clock_now_us()) / 1000;
    int fd = dial_one(&dial, to);
    if (fd >= 0)
        (void)opening->shake_hands(opening->arg, fd, to, &options);
    return fd >= 0;
}

/* True: there is a connection, whatever came of it, or there can be none now. */
static bool open_with_syn_data(const struct attempts *attempts, const struct candidate *to)
{
    const struct opening *opening = attempts->opening;
    struct conn_options options = {.fast_open = to->address,
                                   .fast_open_size = to->size,
                                   .connect_deadline_us = attempts->deadline_us};
    int fd = dial_socket(&opening->dial, to);
    if (fd < 0)
        return false;
    actpass_conn *conn = opening->shake_hands(opening->arg, fd, to, &options);
    if (!conn)
        return true;
    judge_path(opening, conn, to);
    if (conn_was_connected(conn))
        return true;
    bool busy = conn_address_busy(conn);
    if (!busy)
        dial_tell(&opening->dial, to, actpass_error(conn));
    opening->discard(opening->arg);
    return busy && open_plainly(attempts, to); /* which waits for it */
}

/* No race: it would put the ClientHello into several SYNs. */
void opening_in_turn(struct opening *opening)
{
    struct attempts attempts = {opening, clock_deadline_ms(opening->dial.timeout_ms)};
    struct candidates candidates;
    struct candidate to;
    bool done = false;
    candidates_begin(&candidates, opening->dial.addresses, opening->dial.count);
    candidates_limit(&candidates, opening->dial.cancel_fd, attempts.deadline_us);
    while (!done && clock_now_us() < attempts.deadline_us &&
           !dial_is_cancelled(opening->dial.cancel_fd) &&
           candidates_next(&candidates, &opening->dial.ear, &to)) {
        done = fast_open_is_fit(opening->unfit, &to) ? open_with_syn_data(&attempts, &to)
                                                     : open_plainly(&attempts, &to);
    }
    candidates_end(&candidates);
}
