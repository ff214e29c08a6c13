/* The rest of a configuration's TLS settings; part of actpass.h, which includes it. Of the files
 * only the names are kept: they are read at the configuration's first use, and what is wrong with
 * them is said there. */
#ifndef ACTPASS_TLS_H
#define ACTPASS_TLS_H

#ifndef ACTPASS_H
#error "include actpass.h, which includes this file"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* What a TLS server does with a server name (SNI) that no certificate was added for. */
typedef enum { ACTPASS_UNKNOWN_NAME_DEFAULT, ACTPASS_UNKNOWN_NAME_REFUSE } actpass_unknown_name;

/* As server: another certificate chain and key, PEM files, for peers that ask for this server name:
 * "name", or
 * "*.name" for one leftmost label. Call it again with the same files for more names. Where no name
 * fits, the identity's stands (actpass_config_set_identity). */
ACTPASS_API int actpass_config_add_certificate(actpass_config *config, const char *server_name,
                                               const char *certificate, const char *key);

/* Where no name fits: show the identity's certificate (the default), or refuse with
 * unrecognized_name, which needs added certificates. */
ACTPASS_API int actpass_config_set_unknown_name(actpass_config *config, actpass_unknown_name what);

/* Certificate revocation lists, a PEM file; needs a CA beside it. Once there are lists, one must
 * cover the peer's certificate. NULL: none. */
ACTPASS_API int actpass_config_set_crl(actpass_config *config, const char *crl);

/* As server: an OCSP response about the identity's certificate, a DER file, shown to clients that
 * ask for it. NULL: none. */
ACTPASS_API int actpass_config_set_ocsp_response(actpass_config *config, const char *response);

/* With 1 a peer that takes no part in ALPN is refused, too, in both roles; needs
 * actpass_config_add_alpn. It protects from cross-protocol attacks (ALPACA): somebody on the path
 * cannot pass a client of another protocol, which trusts our certificate, on to us, nor our client
 * to such a server. Default 0: who offers none is accepted, as in RFC 7301. */
ACTPASS_API int actpass_config_set_require_alpn(actpass_config *config, int require);

/* As server: where sessions are kept for resumption: "off", "memory" (the default), "tickets" (at
 * the client), "file:/path" (shared by the processes of this host), "redis://host:port/db" or
 * "redis:unix:/path" (shared by several hosts). KEY_FILE has the keys that seal what leaves this
 * process, one of 64 hex digits a line: the first seals, all open; it is looked at again while it
 * is in use. Needed with file and redis; with tickets NULL is a key made now; without meaning, and
 * to be NULL, with the others. How long: ACTPASS_SESSION_TIMEOUT. */
ACTPASS_API int actpass_config_set_sessions(actpass_config *config, const char *where,
                                            const char *key_file);

/* Groups of the key exchange in OpenSSL's syntax, "X25519:P-256", the preferred one first. NULL, as
 * at first: OpenSSL's, and X25519MLKEM768 first where OpenSSL has it (3.5). */
ACTPASS_API int actpass_config_set_groups(actpass_config *config, const char *groups);

/* What a peer may show before it has authenticated: at most MAX_BYTES of certificates (1024 to
 * 1048576; default 16384), and at most DEPTH intermediate CA certificates (1 to 100; default 4). */
ACTPASS_API int actpass_config_set_chain_limits(actpass_config *config, size_t max_bytes,
                                                unsigned depth);

/* What "redis://user@host:port/db" and "rediss://host:port/db" (TLS) need beside: PASSWORD_FILE,
 * which holds the password and must not be open to others, or "credential:NAME" for a systemd
 * credential; CA, a PEM file or "system", which is needed with rediss and without effect elsewhere.
 * The server's certificate must carry the host of the URL. NULL: none. */
ACTPASS_API int actpass_config_set_sessions_access(actpass_config *config,
                                                   const char *password_file, const char *ca);

/* With 1 any peer will do, in both roles, whoever it is. For tests: who is on the path reads
 * everything. Contradicts a CA, peer names, pins and CRLs. */
ACTPASS_API int actpass_config_set_insecure_any_peer(actpass_config *config, int insecure);

#ifdef __cplusplus
}
#endif
#endif
