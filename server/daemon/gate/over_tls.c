#include "server/daemon/gate/over_tls.h"

#include <string.h>

void gate_send(actpass_conn *conn, const struct gate_answer *answer)
{
    size_t done = 0;
    while (done < answer->size) { /* into TLS's own buffer, which has room for it */
        int64_t taken = actpass_write_some(conn, answer->bytes + done, answer->size - done);
        if (taken <= 0)
            return;
        done += (size_t)taken;
    }
}

enum gate_next gate_read(const struct gate_protocol *protocol, struct gate_talk *talk,
                         actpass_conn *conn, unsigned char *input, size_t *size)
{
    enum gate_next next;
    do {
        next = protocol->read(talk, input, *size);
        if (next != GATE_MORE) {
            *size -= talk->used;
            memmove(input, input + talk->used, *size);
        }
        if (next == GATE_SEND)
            gate_send(conn, &talk->answer);
    } while (next == GATE_SEND);
    return next;
}
