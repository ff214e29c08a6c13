/* The names that a peer's certificate may carry, and how they are compared. Immutable once read.
 *
 * Only subjectAltName counts (RFC 9525 section 2), but where a common name is asked for as such;
 * and each name only with names of its own kind, which may stand before it ("dns:", "ip:", "uri:",
 * "email:", "cn:"):
 *
 *   dev1.example.org    a dNSName that is equal, ASCII case ignored (RFC 6125 section 6.4.1), or
 * whose whole leftmost label is "*" and stands for exactly one label (RFC 9525 section 6.3). As in
 *                       OpenSSL, "*" needs two labels behind it: "*.org" stands for nothing.
 *   *.example.org       any dNSName of exactly one label before ".example.org", or that very
 * wildcard. The wildcard is ours: it says which peers we want. 192.0.2.1, 2001::1  an iPAddress of
 * the same 4 or 16 bytes (RFC 9525 section 6.4) uri:spiffe://a/b    a uniformResourceIdentifier of
 * the same bytes email:me@a.example  an rfc822Name: the same bytes up to the "@", then an equal DNS
 * name cn:Some Device      the subject's only commonName, of the same characters
 *
 * Lengths are the certificate's own. A NUL inside any name that is looked at is an attempt to
 * deceive (CVE-2009-2408): such a certificate has no names at all. */
#ifndef ACTPASS_SERVER_TLS_PEER_NAMES_H
#define ACTPASS_SERVER_TLS_PEER_NAMES_H

#include "config/config.h"
#include "server/lib/base/error.h"

#include <openssl/x509.h>

/* Does the certificate carry one of the names? False with error. */
bool peer_names_match(const struct config_peer_names *names, const X509 *certificate,
                      struct error_text *error);

/* The DNS name, if that is the only name and has no wildcard; or NULL. Lives as long as the names.
 */
const char *peer_names_only_dns(const struct config_peer_names *names);

#endif
