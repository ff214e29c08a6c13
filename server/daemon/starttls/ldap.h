/* LDAP (RFC 4511 section 4.14): the extended operation StartTLS. */
#ifndef ACTPASS_SERVER_STARTTLS_LDAP_H
#define ACTPASS_SERVER_STARTTLS_LDAP_H

#include "server/daemon/starttls/protocol.h"

/* For a client. What else it asks for before TLS is answered confidentialityRequired. */
extern const struct starttls_protocol starttls_ldap_server;

/* For a server. */
extern const struct starttls_protocol starttls_ldap_client;

#endif
