/* Early data: read during a handshake on the open connection, and returned by the next reads. */
#include "server/lib/conn_internal.h"

#include <stdlib.h>
#include <string.h>

size_t conn_take_early(actpass_conn *conn, void *buffer, size_t size)
{
    struct early *early = &conn->early;
    size_t count = early->end - early->start;
    if (count > size)
        count = size;
    if (count == 0)
        return 0;
    memcpy(buffer, early->data + early->start, count);
    early->start += count;
    conn_drop_early(conn);
    return count;
}

void conn_drop_early(actpass_conn *conn)
{
    struct early *early = &conn->early;
    if (early->start < early->end)
        return;
    free(early->data);
    *early = (struct early){NULL, 0, 0};
}

bool conn_room_for_early(actpass_conn *conn)
{
    struct early *early = &conn->early;
    if (!early->data)
        early->data = malloc(CONN_EARLY_MAX);
    if (!early->data) {
        conn_fail(conn, ACTPASS_CANCELLED, "out of memory for data that comes in a handshake");
        return false;
    }
    if (early->start)
        memmove(early->data, early->data + early->start, early->end - early->start);
    early->end -= early->start;
    early->start = 0;
    return true;
}

enum outcome conn_read_early(actpass_conn *conn, unsigned *want)
{
    struct early *early = &conn->early;
    conn_prepare(conn);
    int got = SSL_read(conn->ssl, early->data + early->end, (int)(CONN_EARLY_MAX - early->end));
    enum outcome outcome = conn_outcome(conn, got, want);
    if (got > 0)
        early->end += (size_t)got;
    if (outcome == OUTCOME_CLOSED)
        conn->peer_closed = true;
    return outcome;
}
