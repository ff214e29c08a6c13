/* The other TLS settings of a configuration. actpass.h includes this file, and its rules for
 * setters apply. What is wrong with a file is reported at the configuration's first use. */
#ifndef ACTPASS_TLS_H
#define ACTPASS_TLS_H

#include "actpass_types.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a TLS server does with a server name (SNI) for which no certificate was added. */
typedef enum {
    ACTPASS_UNKNOWN_NAME_DEFAULT, /* it shows the identity's certificate */
    ACTPASS_UNKNOWN_NAME_REFUSE   /* it refuses with the alert unrecognized_name */
} actpass_unknown_name;

/* As server: adds a certificate chain and key, the names of PEM files, for clients that ask for
 * this server name: "name", or "*.name" for one leftmost label. To add another name for the same
 * certificate, call it again with the same files. Clients that ask for no added name get the
 * identity's certificate (actpass_config_set_identity). */
ACTPASS_API int actpass_config_add_certificate(actpass_config *config, const char *server_name,
                                               const char *certificate, const char *key);

/* Default: ACTPASS_UNKNOWN_NAME_DEFAULT. ACTPASS_UNKNOWN_NAME_REFUSE needs added certificates. */
ACTPASS_API int actpass_config_set_unknown_name(actpass_config *config, actpass_unknown_name what);

/* As server: what holds for clients that ask for this server name, "name" or "*.name" for one
 * leftmost label, in place of CONFIG: of OTHER its identity, if it has one; its trust, which is its
 * CA, peer names, pins and revocation lists, if it has any of these; and its client authentication,
 * if that was set. All else is CONFIG's, also the callbacks that OTHER has not, the sessions and
 * the protocols. To add another name for the same settings, call it again with the same OTHER. An
 * equal name has precedence over "*.name", whichever was added first. Clients that ask for no added
 * name get CONFIG itself.
 *
 * A session is resumed only under the settings under which it was made, unless these are the same
 * in all that counts. actpass_recheck judges a peer by what CONFIG has for the name that it asked
 * for. OTHER may be freed after this call, and must not be changed; whether it is fit is checked
 * with CONFIG. */
ACTPASS_API int actpass_config_add_virtual(actpass_config *config, const char *server_name,
                                           actpass_config *other);

/* Certificate revocation lists, the name of a PEM file; needs a CA. With lists, one of them must
 * cover the peer's certificate. NULL (the default): none. */
ACTPASS_API int actpass_config_set_crl(actpass_config *config, const char *crl);

/* As server: an OCSP response about the identity's certificate, the name of a DER file, shown to
 * clients that ask for it. NULL (the default): none. */
ACTPASS_API int actpass_config_set_ocsp_response(actpass_config *config, const char *response);

/* Whether peers are checked by OCSP (RFC 6960) at the end of each handshake, in both roles; needs a
 * CA. What a server has stapled is used, else a responder is asked, in the background: a handshake
 * waits for it as for the peer, at most five seconds. */
typedef enum {
    ACTPASS_OCSP_OFF,  /* the default */
    ACTPASS_OCSP_SOFT, /* revoked peers are refused */
    ACTPASS_OCSP_HARD  /* and those of whom it cannot be found out */
} actpass_ocsp;
ACTPASS_API int actpass_config_set_ocsp_peers(actpass_config *config, actpass_ocsp check);

/* As server, STAPLE 1: OCSP responses for our certificates are fetched in the background, from the
 * first connection on, renewed in time, and sent to clients that ask for them. CACHE is a folder in
 * which they are kept over a restart; NULL: none. */
ACTPASS_API int actpass_config_set_ocsp_staple(actpass_config *config, int staple,
                                               const char *cache);

/* The responder for both, "http://host:port/path"; NULL (the default): that which each certificate
 * names. A proxy of actpass_config_set_dial_through is used on the way to it. */
ACTPASS_API int actpass_config_set_ocsp_responder(actpass_config *config, const char *responder);

/* REQUIRE 1: a peer that does not use ALPN is refused, in both roles; needs
 * actpass_config_add_alpn. This protects from cross-protocol attacks (ALPACA), in which an attacker
 * on the path connects a client of another protocol, which trusts our certificate, to us, or our
 * client to such a server. 0 (the default): such a peer is accepted, as in RFC 7301. */
ACTPASS_API int actpass_config_set_require_alpn(actpass_config *config, int require);

/* As server: where sessions are kept for resumption: "off", "memory" (the default), "tickets" (the
 * client keeps them), "file:/path" (shared by the processes of this host), "redis://host:port/db"
 * or "redis:unix:/path" (shared by several hosts). ACTPASS_SESSION_TIMEOUT sets for how long.
 *
 * KEY_FILE has the keys that protect sessions outside of this process, one of 64 hex digits a line:
 * the first encrypts, all decrypt. It is read again when it changes. Required with file and redis.
 * With tickets, NULL takes a random key. With off and memory it must be NULL. */
ACTPASS_API int actpass_config_set_sessions(actpass_config *config, const char *where,
                                            const char *key_file);

/* The groups for the key exchange in OpenSSL's syntax (SSL_CTX_set1_groups_list(3)),
 * "X25519:P-256", the preferred one first.
 * NULL (the default): OpenSSL's list, after X25519MLKEM768 if OpenSSL has it (3.5 and later). */
ACTPASS_API int actpass_config_set_groups(actpass_config *config, const char *groups);

/* Limits for the certificates of a peer that has not authenticated yet: at most MAX_BYTES in all
 * (1024 to 1048576; default 16384), and at most DEPTH intermediate CA certificates (1 to 100;
 * default 4). */
ACTPASS_API int actpass_config_set_chain_limits(actpass_config *config, size_t max_bytes,
                                                unsigned depth);

/* More for actpass_config_set_sessions. PASSWORD_FILE, for "redis://user@host:port/db", is a file
 * that holds the password and must not be accessible to others, or "credential:NAME" for a systemd
 * credential. CA is the name of a PEM file or "system"; it is required with "rediss://host:port/db"
 * (TLS) and ignored otherwise. The server's certificate must carry the host of the URL. NULL (the
 * default): none. */
ACTPASS_API int actpass_config_set_sessions_access(actpass_config *config,
                                                   const char *password_file, const char *ca);

/* INSECURE 1 disables peer verification in both roles. For tests: an attacker on the path can read
 * and change everything. Contradicts a CA, peer names, pins and CRLs. Default 0: peers are
 * verified. */
ACTPASS_API int actpass_config_set_insecure_any_peer(actpass_config *config, int insecure);

#ifdef __cplusplus
}
#endif
#endif
