/* A read with a deadline of its own, after which the connection goes on. */
#include "relay/clock.h"
#include "server/lib/conn_internal.h"

_Static_assert((int)ACTPASS_AGAIN == (int)CONN_AGAIN, "one number for both");

/* Whichever of the two times is over first decides what becomes of the connection. */
static int64_t wait_and_read(actpass_conn *conn, void *buffer, size_t size, int64_t idle_us,
                             int64_t until_us)
{
    bool idle_first = idle_us <= until_us;
    enum relay_wait wait =
        conn_wait_until(conn, CONN_READER, conn->read_want, idle_first ? idle_us : until_us);
    if (wait == WAIT_READY)
        return conn_read_some(conn, buffer, size);
    if (wait == WAIT_TIMEOUT && idle_first)
        conn_fail(conn, ACTPASS_TIMEOUT, CONN_IDLE);
    return wait == WAIT_TIMEOUT && !idle_first ? CONN_AGAIN : -1;
}

int64_t actpass_read_until(actpass_conn *conn, void *buffer, size_t size, int64_t timeout_ms)
{
    enum conn_mode mode = conn_block(conn);
    conn_begin(conn, CONN_READER);
    int64_t until_us = clock_deadline_ms(timeout_ms);
    int64_t idle_us = clock_deadline_ms(conn->config->connection.idle_timeout_ms);
    relay_allow_input(conn->relay); /* which a wait of no length does not */
    int64_t got = conn_read_some(conn, buffer, size);
    bool over = false;
    while (got == CONN_AGAIN && !over) {
        got = wait_and_read(conn, buffer, size, idle_us, until_us);
        over = clock_now_us() >= until_us;
    }
    if (got > 0)
        conn_note_active(conn);
    conn_flush(conn); /* the answer to a KeyUpdate must not wait for the next call */
    conn_done(conn);
    conn_unblock(conn, mode);
    if (got == CONN_AGAIN && mode == CONN_NONBLOCKING)
        conn->waits[CONN_READER] = (struct conn_waits){conn->read_want, conn_idle_deadline(conn)};
    return got;
}
