/* STARTTLS of IMAP (RFC 9051 section 6.2.1). */
#ifndef ACTPASS_SERVER_STARTTLS_IMAP_H
#define ACTPASS_SERVER_STARTTLS_IMAP_H

#include "server/daemon/starttls/protocol.h"

extern const struct starttls_protocol starttls_imap_server, starttls_imap_client;

#endif
