#include "server/lib/conn_dial.h"

#include "relay/clock.h"
#include "server/lib/dial/fast_open_system.h"
#include "server/lib/fast_open.h"

enum { OTHERS_LEFT_MS = 2000 };

/* SYN data that got lost is the path's fault. If there was no connection at all, the peer may just
 * be away; but if it did not even answer, the next attempt should be an ordinary one. */
static void judge_path(const struct conn_dial *plan, actpass_conn *conn, const struct candidate *to)
{
    bool silent = !conn_was_connected(conn) && actpass_ended(conn) == ACTPASS_TIMEOUT;
    if (conn_syn_refused(conn) && (silent || conn_was_connected(conn)))
        fast_open_note_unfit(plan->unfit, to);
}

/* Returns true if FD is a socket. */
static bool take_connected(const struct conn_dial *plan, int fd, const struct candidate *to)
{
    const struct conn_options options = {.socket = CONN_CONNECTED, .dialer = CONFIG_WE_DIAL};
    if (fd >= 0)
        (void)plan->take(plan->arg, fd, to, &options);
    return fd >= 0;
}

/* Returns true if there is a connection, even if its handshake has failed, or there can be none
 * now.
 */
static bool open_with_syn_data(const struct conn_dial *plan, const struct candidate *to)
{
    const struct conn_options options = {.socket = CONN_UNCONNECTED,
                                         .dialer = CONFIG_WE_DIAL,
                                         .connect_deadline_us = plan->dial.deadline_us,
                                         .peer = to->address,
                                         .peer_size = to->size};
    int fd = dial_socket(&plan->dial, to);
    if (fd < 0)
        return false;
    actpass_conn *conn = plan->take(plan->arg, fd, to, &options);
    if (!conn)
        return true;
    judge_path(plan, conn, to);
    if (conn_was_connected(conn))
        return true;
    bool busy = conn_address_busy(conn);
    if (!busy)
        dial_report(&plan->dial, to, actpass_error(conn));
    plan->discard(plan->arg);
    return busy && take_connected(plan, dial_one(&plan->dial, to), to); /* which waits for it */
}

/* One attempt; where others are left it gets a part of the time only. Returns as above. */
static bool attempt(const struct conn_dial *plan, const struct candidate *to, bool others_left)
{
    struct conn_dial one = *plan;
    int64_t spare_us = clock_deadline_ms(OTHERS_LEFT_MS);
    if (others_left && spare_us < one.dial.deadline_us)
        one.dial.deadline_us = spare_us;
    return fast_open_is_fit(one.unfit, to) ? open_with_syn_data(&one, to)
                                           : take_connected(&one, dial_one(&one.dial, to), to);
}

static void dial_in_turn(const struct conn_dial *plan)
{
    struct candidates candidates;
    struct candidate to;
    bool done = false;
    candidates_begin(&candidates, plan->dial.addresses, plan->dial.count);
    candidates.lookup_flags = plan->dial.lookup_flags;
    candidates_limit(&candidates, &plan->dial.wait, plan->dial.deadline_us);
    while (!done && clock_now_us() < plan->dial.deadline_us &&
           !dial_is_cancelled(plan->dial.wait.cancel_fd) &&
           candidates_next(&candidates, &plan->dial.observer, &to))
        done = attempt(plan, &to, candidates_are_left(&candidates));
    candidates_end(&candidates);
}

void conn_dial(const struct conn_dial *plan)
{
    struct candidate winner;
    if (!plan->dial.through && fast_open_wanted(plan->settings))
        dial_in_turn(plan);
    else
        (void)take_connected(plan, dial_first(&plan->dial, &winner), &winner);
}
