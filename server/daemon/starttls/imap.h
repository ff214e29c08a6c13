/* STARTTLS of IMAP (RFC 9051 section 6.2.1). */
#ifndef ACTPASS_SERVER_STARTTLS_IMAP_H
#define ACTPASS_SERVER_STARTTLS_IMAP_H

#include "server/daemon/starttls/protocol.h"

extern const struct starttls_protocol starttls_imap_server, starttls_imap_client;

/* For the plain program on our other side: reads the greeting of a server, which its client must
 * not get a second time, and says one to a client. */
extern const struct starttls_protocol starttls_imap_plain_server, starttls_imap_plain_client;

#endif
