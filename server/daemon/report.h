/* The log lines about connections, one function for each event. Any thread; the connection must
 * stay alive during the call. */
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
    bool dialed;         /* we dialed it */
    const char *proxy;   /* the address of the proxy that has said who the peer is; NULL: none */
    const char *through; /* the proxy that we dial through; NULL: none */
    const char *why; /* why it was aborted, in place of the connection's error; NULL: use that */
    int64_t up_us;   /* from accept to the end of the handshake; 0: it is not complete */
    char id[17];     /* report_id; "": none */
    const char *handler, *backend; /* its name, and its address as configured; NULL: none */
    const char *route;             /* its name or number; NULL: none */
    const char *access;            /* template of the line at the close; NULL: all fields */
    const char *reached; /* the name by which it was joined to another connection; or NULL */
    const char *by;      /* with that: the way in which the name was asked for */
    uint64_t joined;     /* with that: the number of the other connection */
    const char *backend_address; /* what the name in BACKEND stood for; NULL: it was no name */
};

/* The error text of a connection that has closed: its own, or why it was aborted. */
const char *report_error(const struct report *report);

/* For connections that we dial: an attempt failed; the connection is established, at LEVEL; the
 * next attempt follows after this time. */
void report_dial_failed(const struct report *report, const char *address, const char *why);
void report_connected(const struct report *report, enum config_log_level level,
                      const char *address);
void report_retry(const struct report *report, int64_t after_ms);

/* The peer has begun to use a connection that was kept for it. */
void report_used(const struct report *report);

/* Sets the connection's id (handlers/conn_id.h), once the handshake is complete. It stays "" if
 * level info is off. */
void report_id(struct report *report);

/* The role is decided. */
void report_role(const struct report *report);

/* The handler could not begin. Limited by the throttle for peers that we have not dialed. */
void report_problem(const struct report *report, const char *problem);

/* A program of "exec" has started, with this process id; has ended, with a status of waitpid(2);
 * has written a line to its standard error, after some that were LEFT_OUT. */
void report_program_started(const struct report *report, const char *command, int64_t pid);
void report_program_ended(const struct report *report, const char *command, int64_t pid,
                          int status);
void report_program_line(const struct report *report, const char *text, int64_t left_out);

/* The process that starts programs has ended. */
void report_no_spawner(struct log *log);
void report_spawner_hangs(struct log *log);

/* Sessions cannot be stored or found; connections go on without resumption. */
void report_library(const struct report *report, const char *problem);

/* The connection has closed, DURATION_US after its accept: one line with all that is known about
 * it. If the peer sent nothing at all, it has level debug; if the handshake has failed, or the peer
 * was refused, warning; otherwise info. Without a completed handshake the line may be left out; a
 * later line then has suppressed=N. */
void report_close(const struct report *report, int64_t duration_us);

/* A peer was closed right after accept. */
void report_refused(const struct report *report, enum refusal refusal,
                    const struct sockaddr_storage *peer);

/* The system gives no thread, with the errno of pthread_create. */
void report_no_thread(struct log *log, int error);

/* A client is refused since MAX others are joined to devices. */
void report_joins_full(const struct report *report, uint64_t max);

/* A connection was dropped for a shortage of memory, descriptors or threads: an errno. */
void report_dropped(const struct report *report, int error);

#endif
