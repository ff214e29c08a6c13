/* STARTTLS of FTP (AUTH TLS, RFC 4217): the control connection alone. */
#ifndef ACTPASS_SERVER_STARTTLS_FTP_H
#define ACTPASS_SERVER_STARTTLS_FTP_H

#include "server/daemon/starttls/protocol.h"

extern const struct starttls_protocol starttls_ftp_server, starttls_ftp_client;

/* For the plain program on our other side: reads the greeting of a server, which its client must
 * not get a second time, and says one to a client. */
extern const struct starttls_protocol starttls_ftp_plain_server, starttls_ftp_plain_client;

#endif
