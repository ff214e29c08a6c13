#include "echo.h"

#include <stdio.h>

enum { CALLS_IN_A_TURN = 32 };

void echo_begin(struct echo *echo, actpass_conn *conn)
{
    echo->conn = conn;
    echo->phase = ECHO_HANDSHAKE;
    echo->start = echo->end = 0;
}

/* Reads only if all is sent back, so a client that does not read is not read from either. */
static int64_t echo_data(struct echo *echo)
{
    int64_t length;
    if (echo->start < echo->end) {
        length =
            actpass_write_some(echo->conn, echo->buffer + echo->start, echo->end - echo->start);
        if (length > 0)
            echo->start += (size_t)length;
    } else {
        length = actpass_read(echo->conn, echo->buffer, sizeof(echo->buffer));
        echo->start = 0;
        echo->end = length > 0 ? (size_t)length : 0;
    }
    if (length == 0 || length == -1) /* close_notify, or a failure */
        echo->phase = ECHO_CLOSE;
    return length;
}

/* Makes the next call. ACTPASS_AGAIN: it would block. */
static int64_t step(struct echo *echo)
{
    if (echo->phase == ECHO_DATA)
        return echo_data(echo);
    if (echo->phase == ECHO_HANDSHAKE) {
        int result = actpass_handshake(echo->conn);
        if (result != ACTPASS_AGAIN)
            echo->phase = result == 0 ? ECHO_DATA : ECHO_CLOSE;
        return result;
    }
    actpass_end end = actpass_close(echo->conn);
    if (end == ACTPASS_OPEN)
        return ACTPASS_AGAIN;
    echo->phase = ECHO_CLOSED;
    printf("%s %s\n", actpass_end_name(end), actpass_error(echo->conn));
    return 0;
}

int echo_go_on(struct echo *echo, struct pollfd *socket)
{
    int64_t result = 0;
    enum echo_phase before = echo->phase;
    for (int call = 0; call < CALLS_IN_A_TURN && result != ACTPASS_AGAIN; call++) {
        result = step(echo);
        if (echo->phase == ECHO_CLOSED)
            return 0;
        if (echo->phase == ECHO_CLOSE && before != ECHO_CLOSE)
            break;
    }
    int timeout = actpass_prepare_wait(echo->conn, socket);
    return result == ACTPASS_AGAIN ? timeout : 0;
}
