/* What the log says of a connection. Any thread; the connection must not be freed meanwhile. */
#ifndef ACTPASS_SERVER_REPORT_H
#define ACTPASS_SERVER_REPORT_H

#include "server/server.h"

/* Which connection the lines are about. */
struct report {
    struct log *log;
    const char *service;
    uint64_t number;
    actpass_conn *conn;
};

/* The role is decided. */
void report_role(const struct report *report);

/* The service could not begin. */
void report_problem(const struct report *report, const char *problem);

/* Sessions cannot be kept or found; connections go on without. */
void report_sessions(const struct report *report, const char *problem);

/* The connection has ended, DURATION after its accept. One that said nothing at all is a line for
 * debugging only. */
void report_close(const struct report *report, int64_t duration_us);

/* A connection was given up for want of something. */
void report_dropped(const struct report *report, int error);

#endif
