#include "server/daemon/handlers/http/send.h"

#include "server/daemon/crew/crew.h"

#include <errno.h>
#include <unistd.h>

enum { ROUNDS = 16 }; /* buffers in one step */

bool http_send_fill(struct http_output *output, char *buffer, actpass_conn *conn)
{
    size_t room = HTTP_OUTPUT_SIZE - output->length;
    uint64_t left = output->end - output->at;
    ssize_t got;
    do {
        got = pread(output->file, buffer + output->length, left < room ? (size_t)left : room,
                    (off_t)output->at);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) { /* Content-Length was promised, so the answer cannot be completed */
        actpass_fail(conn, ACTPASS_CANCELLED,
                     got == 0 ? "the file became shorter while it was sent"
                              : "the file can no longer be read");
        return false;
    }
    output->length += (size_t)got;
    output->at += (uint64_t)got;
    return true;
}

/* Reads the next part of the file into the empty buffer. */
static bool refill(struct http_output *output, char *buffer, actpass_conn *conn)
{
    output->start = output->length = 0;
    crew_block();
    bool filled = http_send_fill(output, buffer, conn);
    crew_unblock();
    return filled;
}

enum http_sent http_send(struct http_output *output, char *buffer, actpass_conn *conn)
{
    for (int round = 0; round < ROUNDS;) {
        if (output->start < output->length) {
            int64_t taken =
                actpass_write_some(conn, buffer + output->start, output->length - output->start);
            if (taken == ACTPASS_AGAIN)
                return HTTP_SENT_SOME;
            if (taken < 0)
                return HTTP_SENT_FAILED;
            output->start += (size_t)taken;
        } else if (output->at == output->end) {
            return HTTP_SENT_ALL;
        } else if (refill(output, buffer, conn)) {
            round++;
        } else {
            return HTTP_SENT_FAILED;
        }
    }
    return HTTP_SENT_MUCH;
}

void http_send_end(struct http_output *output)
{
    if (output->file >= 0)
        close(output->file);
    *output = HTTP_NO_OUTPUT;
}
