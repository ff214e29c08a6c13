/* What an SSL_CTX allows before anybody has authenticated, and which algorithms it takes. All of it
 * is set here, so that the system's openssl.cnf, whose "system_default" OpenSSL reads into each new
 * SSL_CTX, weakens nothing. */
#ifndef ACTPASS_TLS_LIMITS_H
#define ACTPASS_TLS_LIMITS_H

#include "config/config.h"
#include "server/lib/base/error.h"

#include <openssl/ssl.h>

/* Options, modes and versions; the security level is 2 (SSL_CTX_set_security_level(3)). */
bool limits_use(SSL_CTX *ctx, const struct config_tls *tls);

/* Ciphers, cipher suites, groups and signature algorithms. */
bool algorithms_use(SSL_CTX *ctx, const struct config_tls *tls, struct tls_error *error);

/* The groups that are offered and accepted where the configuration names none, for a version of
 * OpenSSL (OpenSSL_version_num(3)). */
const char *openssl_default_groups(unsigned long version);

/* NULL, or what is wrong with this version of OpenSSL (OpenSSL_version_num(3)) and what to do. */
const char *openssl_version_warning(unsigned long version);

#endif
