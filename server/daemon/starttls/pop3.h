/* STLS of POP3 (RFC 2595). */
#ifndef ACTPASS_SERVER_STARTTLS_POP3_H
#define ACTPASS_SERVER_STARTTLS_POP3_H

#include "server/daemon/starttls/protocol.h"

extern const struct starttls_protocol starttls_pop3_server, starttls_pop3_client;

#endif
