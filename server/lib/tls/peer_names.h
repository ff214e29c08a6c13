/* Which certificates carry a name of "peer_names". config/ has parsed the names; nothing here
 * changes.
 *
 * Only the subjectAltName counts (RFC 9525 section 2), except for names of the kind "cn:". A name
 * is compared only with names of its own kind:
 *
 * - DNS: a dNSName that is equal, ASCII case ignored (RFC 6125 section 6.4.1), or whose whole
 * leftmost label is "*", which stands for exactly one label (RFC 9525 section 6.3). As in OpenSSL,
 * "*" needs two labels behind it: "*.org" matches nothing.
 * - DNS_BELOW, "*.example.org": any dNSName of exactly one label before ".example.org", or that
 * very wildcard. This wildcard is ours: it says which peers we accept.
 * - IP: an iPAddress of the same 4 or 16 bytes (RFC 9525 section 6.4).
 * - URI: a uniformResourceIdentifier of the same bytes.
 * - EMAIL: an rfc822Name with the same bytes up to the "@", then an equal DNS name.
 * - COMMON: the subject's only commonName, of the same characters.
 *
 * Lengths are the certificate's own. A NUL inside any name is an attempt to deceive
 * (CVE-2009-2408): such a certificate matches nothing. */
#ifndef ACTPASS_SERVER_TLS_PEER_NAMES_H
#define ACTPASS_SERVER_TLS_PEER_NAMES_H

#include "config/config.h"
#include "server/lib/base/error.h"

#include <openssl/x509.h>
#include <stdint.h>

/* Does the certificate carry one of the names? False with error. */
bool peer_names_match(const struct config_peer_names *names, const X509 *certificate,
                      struct error_text *error);

/* Copies the name of that number, from 0, as text with its kind before it; see actpass_peer_name
 * (actpass_peer.h), whose result it is. */
int64_t peer_names_text(const X509 *certificate, unsigned index, char *text, size_t size);

/* The DNS name, if that is the only name and has no wildcard; or NULL. Valid as long as
 * the names.
 */
const char *peer_names_only_dns(const struct config_peer_names *names);

#endif
