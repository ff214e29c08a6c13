/* XMPP (RFC 6120 section 5): a stream, its features, and starttls. */
#ifndef ACTPASS_SERVER_STARTTLS_XMPP_H
#define ACTPASS_SERVER_STARTTLS_XMPP_H

#include "server/daemon/starttls/protocol.h"

/* For a client, and for a server that begins a stream to another one. */
extern const struct starttls_protocol starttls_xmpp_server, starttls_xmpp_s2s_server;

/* For a server, whose domain is talk->name. */
extern const struct starttls_protocol starttls_xmpp_client, starttls_xmpp_s2s_client;

#endif
