/* STARTTLS of FTP (AUTH TLS, RFC 4217): the control connection alone. */
#ifndef ACTPASS_SERVER_STARTTLS_FTP_H
#define ACTPASS_SERVER_STARTTLS_FTP_H

#include "server/daemon/starttls/protocol.h"

extern const struct starttls_protocol starttls_ftp_server, starttls_ftp_client;

#endif
