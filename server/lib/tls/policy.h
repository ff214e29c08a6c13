/* Whom we accept as peer. The one place that decides: the verification callback and the check after
 * every handshake, full or resumed, in both roles, ask policy_accepts. Immutable once made; any
 * thread.
 *
 * All that is configured must hold, in both roles alike (hazard 30):
 *   - our own key is never the peer's, under whatever certificate; not even with insecure_any_peer.
 * That goes for the keys of all services, and for those before a reload while connections of that
 * time are open (own_keys.h)
 *   - ca: the chain leads there, is valid now, and is for the peer's role (extendedKeyUsage)
 *   - peer_pins: the key of the peer's own certificate is one of them
 *   - crl: no certificate on the way to the root is revoked (crl.h)
 *   - peer_names: its subjectAltName has one of them (peer_names.h)
 * With peer_pins and no ca nobody vouches but the pin: chain, validity and usage are not looked at,
 * which is what a self-signed device needs. */
#ifndef ACTPASS_SERVER_TLS_POLICY_H
#define ACTPASS_SERVER_TLS_POLICY_H

#include "config/config.h"

#include <openssl/x509.h>

struct policy;
struct own_keys;

/* What is wrong, in one sentence. */
struct tls_error {
    char text[512];
};

/* Makes a policy of peer names, pins, crl and our own certificate (NULL: none), which must never be
 * the peer's (reflection, hazard 30). NULL with error on a bad list, or no memory. */
struct policy *policy_new(const struct config_tls *tls, X509 *own, struct tls_error *error);
void policy_free(struct policy *policy);

/* One more certificate of our own, before the policy is in use. False: no memory. */
bool policy_add_own(struct policy *policy, X509 *own);

/* Is any peer accepted (insecure_any_peer)? */
bool policy_takes_any(const struct policy *policy);

/* Adds our own certificates' keys to those of the process, as long as the policy lives, and refuses
 * all that are there. The last call before the policy is in use; SHARED must outlive it. NULL
 * changes nothing. False: no memory. */
bool policy_share_own(struct policy *policy, struct own_keys *shared);

/* Must the chain lead to a trusted CA? No where pins stand alone or any peer is accepted. */
bool policy_needs_chain(const struct policy *policy);

/* The lists of crl, which live as long as the policy; NULL: none. */
STACK_OF(X509_CRL) * policy_revoked(const struct policy *policy);

/* Names, pins, revocation and reflection for the peer's leaf certificate. The chain is checked
 * elsewhere. Returns true, or false with the reason in error (tls_failed_for_memory: none is known)
 * and an empty error queue. */
bool policy_accepts(const struct policy *policy, const X509 *peer, struct tls_error *error);

#endif
