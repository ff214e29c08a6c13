/* STARTTLS of SMTP (RFC 3207). */
#ifndef ACTPASS_SERVER_STARTTLS_SMTP_H
#define ACTPASS_SERVER_STARTTLS_SMTP_H

#include "server/daemon/starttls/protocol.h"

extern const struct starttls_protocol starttls_smtp_server, starttls_smtp_client;

#endif
