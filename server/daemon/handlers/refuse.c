/* Refuse: ends the connection without a close_notify, so that the peer cannot take the end for an
 * empty answer. */
#include "server/daemon/handlers/handler.h"

static enum handler_next refuse(struct handler_job *job)
{
    actpass_fail(job->conn, ACTPASS_REFUSED,
                 "no route is for this peer: its connection is refused by the configuration "
                 "(\"refuse\")");
    return HANDLER_DONE;
}

const struct handler refuse_handler = {.name = "refuse", .step = refuse};
