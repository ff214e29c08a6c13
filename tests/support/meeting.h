/* Two connections of the public API that meet: one configuration is TLS server, the other TLS
 * client. A failure to set up ends the test program with a message. */
#ifndef ACTPASS_TESTS_SUPPORT_MEETING_H
#define ACTPASS_TESTS_SUPPORT_MEETING_H

#include "server/include/actpass.h"

#include <stdbool.h>

struct meeting_side {
    actpass_config *config;
    actpass_conn *conn;
    bool up; /* the handshake is complete, and what was sent came through */
    actpass_info_t info;
    /* Called before the handshake; NULL: nothing. */
    void (*prepare)(actpass_conn *conn, void *arg);
    void *arg;
};

struct meeting {
    struct meeting_side server, client;
    const char *path; /* of a unix socket that the client dials; NULL: a socket pair */
    int fds[2];       /* the server's, the client's */
};

/* The server sends a greeting and closes when the client has; the client reads it and closes. Both
 * connections are closed, but not freed, on return. */
void meeting_run(struct meeting *meeting);

/* From now on this process makes TLS 1.2 connections only, as a system's openssl.cnf may say. */
void meeting_only_tls12(void);

void meeting_end(struct meeting *meeting); /* frees the connections, not the configurations */

#endif
