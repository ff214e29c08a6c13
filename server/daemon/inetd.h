/* `actpass --inetd`: one connection, on descriptor 0, as inetd, xinetd, systemd (Accept=yes) and
 * socat give it. */
#ifndef ACTPASS_SERVER_INETD_H
#define ACTPASS_SERVER_INETD_H

#include "config/config.h"
#include "config/error_text.h"
#include "server/daemon/server.h"
#include "server/daemon/syslog_pipe.h"

#include <stdbool.h>

struct inetd {
    const char *service; /* its name; NULL: the only one */
    int fd;              /* the connection; -1: it was handed on */
    struct syslog_pipe syslog;
};

/* Takes the connection from descriptor 0, and puts /dev/null there and at 1, so that nobody else
 * holds it. Where standard error is the connection, too, the log goes to syslog(3) instead. False:
 * there is none, with one sentence in ERROR. Before any thread runs. */
bool inetd_take(struct inetd *inetd, struct error_text *error);

/* Closes what is left, and writes the last lines to syslog. */
void inetd_end(struct inetd *inetd);

/* In the place of server_listen. False, with the reasons in the report: there is no such service,
 * or it takes no connections. */
bool inetd_prepare(const struct inetd *inetd, struct server *server, struct config_report *report);

/* In the place of server_run: serves the connection, and returns when it has ended. 0: in order, or
 * the peer has sent nothing; 1: it was cut off at a stop; -1: in another way, or it could not be
 * served. */
int inetd_run(struct inetd *inetd, struct server *server);

#endif
