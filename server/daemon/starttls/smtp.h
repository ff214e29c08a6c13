/* STARTTLS of SMTP (RFC 3207). */
#ifndef ACTPASS_SERVER_STARTTLS_SMTP_H
#define ACTPASS_SERVER_STARTTLS_SMTP_H

#include "server/daemon/starttls/protocol.h"

extern const struct starttls_protocol starttls_smtp_server, starttls_smtp_client;

/* For the plain program on our other side: reads the greeting of a server, which its client must
 * not get a second time, and says one to a client. */
extern const struct starttls_protocol starttls_smtp_plain_server, starttls_smtp_plain_client;

#endif
