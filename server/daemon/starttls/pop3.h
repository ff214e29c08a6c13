/* STLS of POP3 (RFC 2595). */
#ifndef ACTPASS_SERVER_STARTTLS_POP3_H
#define ACTPASS_SERVER_STARTTLS_POP3_H

#include "server/daemon/starttls/protocol.h"

extern const struct starttls_protocol starttls_pop3_server, starttls_pop3_client;

/* For the plain program on our other side: reads the greeting of a server, which its client must
 * not get a second time, and says one to a client. */
extern const struct starttls_protocol starttls_pop3_plain_server, starttls_pop3_plain_client;

#endif
