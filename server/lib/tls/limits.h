/* What an SSL_CTX allows before a peer has authenticated, and which algorithms it accepts. OpenSSL
 * reads "system_default" of the system's openssl.cnf into each new SSL_CTX; all settings are set
 * here again, so that it cannot weaken them. */
#ifndef ACTPASS_TLS_LIMITS_H
#define ACTPASS_TLS_LIMITS_H

#include "config/config.h"
#include "server/lib/base/error.h"

#include <openssl/ssl.h>

enum { LIMITS_SECURITY_LEVEL = 2 };

/* Sets options, modes and versions, and the security level (SSL_CTX_set_security_level(3)). False:
 * no memory. */
bool limits_use(SSL_CTX *ctx, const struct config_tls *tls);

/* Sets ciphers, cipher suites, groups and signature algorithms. False with error. */
bool limits_use_algorithms(SSL_CTX *ctx, const struct config_tls *tls, struct error_text *error);

/* Does OpenSSL know the ciphers, cipher suites and groups that TLS names? False with error. */
bool limits_check_algorithms(const struct config_tls *tls, struct error_text *error);

/* The groups to offer and accept if the configuration names none, for a version of OpenSSL
 * (OpenSSL_version_num(3)). */
const char *limits_default_groups(unsigned long version);

/* What is wrong with this version of OpenSSL (OpenSSL_version_num(3)) and what to do; NULL:
 * nothing. */
const char *limits_version_warning(unsigned long version);

#endif
