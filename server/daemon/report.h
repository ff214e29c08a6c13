/* What the log says of a connection. Any thread; the connection must not be freed meanwhile. */
#ifndef ACTPASS_SERVER_REPORT_H
#define ACTPASS_SERVER_REPORT_H

#include "server/daemon/admission.h"
#include "server/daemon/log.h"
#include "server/include/actpass.h"

#include <sys/socket.h>

/* Which connection the lines are about. */
struct report {
    struct log *log;
    const char *service;
    uint64_t number; /* 0: none in particular */
    actpass_conn *conn;
    bool dialed;     /* we opened it */
    const char *why; /* it was aborted: instead of the connection's own error; NULL: that */
};

/* For connections that we open: an attempt failed, the connection is there, and when the next
 * attempt follows. */
void report_dial_failed(const struct report *report, const char *address, const char *why);
void report_connected(const struct report *report, const char *address);
void report_retry(const struct report *report, int64_t after_ms);

/* The role is decided. False: the line was held back, since the peer's address has had too many
 * (throttle.h); the second function writes it where the handshake is then completed. */
bool report_role(const struct report *report);
void report_role_after_all(const struct report *report);

/* The service could not begin. */
void report_problem(const struct report *report, const char *problem);

/* Sessions cannot be kept or found; connections go on without. */
void report_sessions(const struct report *report, const char *problem);

/* The connection has ended, DURATION after its accept. One that said nothing at all is a line for
 * debugging only. Without a completed handshake the line may be left out; a later one then says
 * suppressed=N. */
void report_close(const struct report *report, int64_t duration_us);

/* A peer was closed right after accept. */
void report_refused(const struct report *report, enum refusal refusal,
                    const struct sockaddr_storage *peer);

/* A connection was given up for want of something. */
void report_dropped(const struct report *report, int error);

#endif
