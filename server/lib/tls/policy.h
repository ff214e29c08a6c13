/* Which peers we accept. policy_accepts is the one place that decides: the verification callback
 * and the check after each handshake, full or resumed, in both roles, call it. Immutable once in
 * use; any thread.
 *
 * All that is configured must hold, in both roles (hazard 30):
 *   - the peer's key is none of our own, under whatever certificate, even with insecure_any_peer.
 *     Our own are the keys of all services, and those before a reload (own_keys.h)
 *   - ca: the chain leads to it, is valid now, and is for the peer's role (extendedKeyUsage)
 *   - peer_pins: the key of the peer's own certificate is one of them
 *   - crl: no certificate on the way to the root is revoked (crl.h)
 *   - peer_names: the certificate has one of them (peer_names.h)
 *   - the user's callback, if there is one, does not refuse; it is called after all others accept
 * With peer_pins and without ca only the pin is trusted, and chain, validity and usage are not
 * checked, as a device with a self-signed certificate needs it. */
#ifndef ACTPASS_SERVER_TLS_POLICY_H
#define ACTPASS_SERVER_TLS_POLICY_H

#include "config/config.h"
#include "server/lib/base/error.h"

#include <openssl/x509.h>

struct policy;
struct own_keys;

/* Makes a policy of peer names, pins, crl and our own certificate (NULL: none). The caller frees it
 * with policy_free. NULL with error: a bad list, or no memory. */
struct policy *policy_new(const struct config_tls *tls, X509 *own, struct error_text *error);
void policy_free(struct policy *policy);

/* Adds another certificate of our own, before the policy is in use. False: no memory. */
bool policy_add_own(struct policy *policy, X509 *own);

/* A callback of the user, which can refuse a peer that all else accepts. CALL gets the peer's own
 * certificate in DER form, and a buffer for one sentence on why it refuses, "" at first. 0: it
 * refuses. Called on any thread, several times for one handshake, also on resumption. */
struct policy_check {
    int (*call)(const void *certificate, size_t size, char *why, size_t why_size, void *arg);
    void *arg;
};

/* Sets the callback, before the policy is in use. CALL may be NULL. */
void policy_set_check(struct policy *policy, const struct policy_check *check);

/* Is any peer accepted (insecure_any_peer)? */
bool policy_takes_any(const struct policy *policy);

/* Adds the keys of our own certificates to SHARED for the life of the policy, and refuses peers
 * that have a key in SHARED. The last call before the policy is in use. SHARED must outlive the
 * policy; NULL changes nothing. False: no memory. */
bool policy_share_own(struct policy *policy, struct own_keys *shared);

/* Must the chain lead to a trusted CA? Not with pins and no CA, or if any peer is accepted. */
bool policy_needs_chain(const struct policy *policy);

/* The lists of crl, which belong to the policy; NULL: none. */
STACK_OF(X509_CRL) * policy_revoked(const struct policy *policy);

/* Judges the peer's own certificate by names, pins, revocation, reflection and the callback;
 * verify.c checks the chain. False with the reason in error, which is unknown if
 * error_is_no_memory. Leaves no entry in this thread's error queue. */
bool policy_accepts(const struct policy *policy, const X509 *peer, struct error_text *error);

#endif
