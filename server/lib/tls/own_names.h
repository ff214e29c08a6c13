/* The DNS names in a certificate of ours. Any thread. */
#ifndef ACTPASS_SERVER_TLS_OWN_NAMES_H
#define ACTPASS_SERVER_TLS_OWN_NAMES_H

#include "config/config.h"

#include <openssl/x509.h>

/* Adds those of its subjectAltName that a client can ask for: "name", or "*.name". Others, and what
 * is no such name, are left out. False: no memory; the list is still the caller's to free. */
bool own_names_add(const X509 *certificate, struct config_strings *names);

#endif
