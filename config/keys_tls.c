/* The keys of "tls". */
#include "config/config.h"
#include "config/internal.h"
#include "config/keys.h"

static const char *const client_auths[] = {"none", "request", "require", "on_demand", NULL};
static const char *const tls_versions[] = {"1.2", "1.3", NULL};
static const char *const unknown_server_names[] = {"default", "refuse", NULL};

static const char *const sessions[] = {"off", "memory", "tickets", NULL};

_Static_assert(CONFIG_CLIENT_AUTH_ON_DEMAND == 3 && CONFIG_TLS_1_3 == 1, "order of the names");
_Static_assert(CONFIG_UNKNOWN_NAME_REFUSE == 1, "order of the names");

_Static_assert(CONFIG_SESSIONS_TICKETS == 2, "order of the names");

static const char peer_names_help[] =
    "Names of which the peer's certificate must carry one, in both roles: a DNS name (a \"*.\" "
    "at its beginning matches exactly one label), an IP address, or a name with its kind before "
    "it: dns:, ip:, uri:, email: or cn: (the subject's common name).";
static const char peer_pins_help[] =
    "Public keys of which the peer must have one, in both roles: sha256: and the SHA-256 of its "
    "SubjectPublicKeyInfo in hex (RFC 7469). Without ca a pin is trusted alone.";
static const char key_passphrase_file_help[] =
    "File with the passphrase of an encrypted key, or with the PIN of store:, which other users "
    "must not be able to read, or credential:NAME for a systemd credential.";

static const struct key certificate_keys[] = {
    {.name = "server_names",
     .help = "The DNS names that this certificate is for. A \"*.\" at the beginning of one matches "
             "exactly one label. Default: those in the certificate.",
     .type = KEY_STRINGS,
     .wrong = names_wrong_offered,
     KEY_LIMITS(1, 1000),
     KEY_STORED_IN(config_certificate, server_names)},
    {.name = "certificate",
     .help = "PEM file with the certificate and its chain, or a folder of such files.",
     .type = KEY_PATH,
     .required = true,
     KEY_STORED_IN(config_certificate, certificate)},
    {.name = "key",
     .help = "PEM file with the private key, or store:URI. Default: the certificate's file.",
     .type = KEY_PATH,
     .scheme = CONFIG_STORE,
     KEY_STORED_IN(config_certificate, key)},
    {.name = "key_passphrase_file",
     .help = key_passphrase_file_help,
     .type = KEY_PATH,
     .scheme = CONFIG_CREDENTIAL,
     KEY_STORED_IN(config_certificate, key_passphrase_file)},
    {0}};

const struct key_object certificate_object = {.keys = certificate_keys,
                                              .outer = &tls_object,
                                              .size = sizeof(struct config_certificate),
                                              .shorthand = "certificate"};

static const struct key tls_keys[] = {
#include "config/tls_keys.inc"
    {.name = "server_name",
     .help = "The server name (SNI) that we send as TLS client.",
     .type = KEY_STRING,
     .wrong = names_wrong_server,
     KEY_STORED_IN(config_tls, server_name)},
    {.name = "min_version",
     .help = "The oldest TLS version to accept.",
     .type = KEY_ENUM,
     .names = tls_versions,
     KEY_STORED_IN(config_tls, min_version)},
    {.name = "ciphers",
     .help = "TLS 1.2 ciphers, as an OpenSSL cipher list. Default: ECDHE with AES-GCM or ChaCha20.",
     .type = KEY_STRING,
     .wrong = names_wrong_ciphers,
     KEY_STORED_IN(config_tls, ciphers)},
    {.name = "ciphersuites",
     .help = "TLS 1.3 cipher suites, separated by colons. Default: OpenSSL's.",
     .type = KEY_STRING,
     .wrong = names_wrong_suites,
     KEY_STORED_IN(config_tls, ciphersuites)},
    {.name = "groups",
     .help = "Groups of the key exchange, separated by colons, the preferred one first. Default: "
             "OpenSSL's, with X25519MLKEM768 first where it is known (OpenSSL 3.5).",
     .type = KEY_STRING,
     .wrong = names_wrong_groups,
     KEY_STORED_IN(config_tls, groups)},
    {.name = "max_certificate_list",
     .help = "Bytes of certificates that a peer may send. More end the handshake.",
     .type = KEY_INTEGER,
     .fallback = CONFIG_CERTIFICATE_LIST_DEFAULT,
     KEY_LIMITS(1024, 1048576),
     KEY_STORED_IN(config_tls, max_certificate_list)},
    {.name = "verify_depth",
     .help = "How many intermediate CA certificates may stand between the peer's certificate and "
             "one of ca.",
     .type = KEY_INTEGER,
     .fallback = CONFIG_VERIFY_DEPTH_DEFAULT,
     KEY_LIMITS(1, 100),
     KEY_STORED_IN(config_tls, verify_depth)},
    {.name = "alpn",
     .help = "Application protocols (ALPN), the preferred one first. A peer that offers only other "
             "ones is refused.",
     .type = KEY_STRINGS,
     .wrong = names_wrong_alpn,
     KEY_LIMITS(1, 255),
     KEY_STORED_IN(config_tls, alpn)},
    {.name = "require_alpn",
     .help = "Refuse a peer that does not take part in ALPN, in both roles. Protects from "
             "cross-protocol attacks (ALPACA).",
     .type = KEY_BOOL,
     KEY_STORED_IN(config_tls, require_alpn)},
    {.name = "insecure_any_peer",
     .help = "Accept any peer, in both roles. It does not protect from anyone who can reach us.",
     .type = KEY_BOOL,
     KEY_STORED_IN(config_tls, insecure_any_peer)},
    {.name = "insecure_key_log",
     .help = "File to which the secrets of all connections are appended, for Wireshark. Whoever "
             "reads it can decrypt them. The variable SSLKEYLOGFILE does nothing.",
     .type = KEY_PATH,
     .written = true,
     KEY_STORED_IN(config_tls, insecure_key_log)},
    {.name = "ocsp_response",
     .help = "DER file with an OCSP response for our certificate, sent to clients that ask for it "
             "(stapling).",
     .type = KEY_PATH,
     KEY_STORED_IN(config_tls, ocsp_response)},
    {.name = "ocsp",
     .help = "OCSP: whether our own certificates and those of peers are revoked. Needs a responder "
             "that is reached over HTTP.",
     .type = KEY_OBJECT,
     .object = &ocsp_object,
     KEY_STORED_IN(config_tls, ocsp)},
    {.name = "certificates",
     .help = "More certificates of ours, chosen by the server name (SNI) that a client asks for: "
             "files, folders of files, or objects. The certificate above is for all other names. "
             "Of one name, each type of key (ECDSA, RSA) may have a certificate.",
     .type = KEY_OBJECTS,
     .object = &certificate_object,
     KEY_LIMITS(1, 1000),
     KEY_COUNT_IN(config_tls, certificate_count),
     KEY_STORED_IN(config_tls, certificates)},
    {.name = "unknown_server_name",
     .help =
         "What a client gets that asks for a name which neither certificates nor our own "
         "certificate has: our own certificate (default), or the alert unrecognized_name (refuse).",
     .type = KEY_ENUM,
     .names = unknown_server_names,
     KEY_STORED_IN(config_tls, unknown_server_name)},
    {.name = "sessions",
     .help = "Where sessions are kept for resumption: off, memory, tickets (at the client), "
             "file:/path (for all processes of this host; best below /run, in a folder that only "
             "its user or root may write to), redis://user@host:port/db or redis:unix:/path (for "
             "several hosts), rediss:// (the same over TLS).",
     .type = KEY_SESSIONS,
     .fallback = CONFIG_SESSIONS_MEMORY,
     .names = sessions,
     KEY_STORED_IN(config_tls, sessions)},
    {.name = "session_key_file",
     .help = "File with the keys that seal sessions and tickets, one of 64 hex digits per line: "
             "the first seals, all open. Required with file: and redis:.",
     .type = KEY_PATH,
     KEY_STORED_IN(config_tls, session_key_file)},
    {.name = "sessions_password_file",
     .help = "File with the password for Redis, which other users must not be able to read, or "
             "credential:NAME for a systemd credential.",
     .type = KEY_PATH,
     .scheme = CONFIG_CREDENTIAL,
     KEY_STORED_IN(config_tls, sessions.password_file)},
    {.name = "sessions_ca",
     .help = "PEM file with the CA certificates that the Redis server of rediss:// is verified "
             "against, or \"system\" for the system's.",
     .type = KEY_PATH,
     .word = "system",
     .second = offsetof(struct config_tls, sessions.ca_system),
     KEY_STORED_IN(config_tls, sessions.ca)},
    {.name = "session_timeout",
     .help = "How long a session can be resumed.",
     .type = KEY_DURATION,
     .fallback = 300000,
     KEY_LIMITS(1000, 86400000),
     KEY_STORED_IN(config_tls, session_timeout_ms)},
    {0}};

const struct key_object tls_object = {.keys = tls_keys, .outer = &service_object};

static const struct key route_tls_keys[] = {
/* Entries of two tables, no header. NOLINTNEXTLINE(readability-duplicate-include) */
#include "config/tls_keys.inc"
    {0}};

const struct key_object route_tls_object = {.keys = route_tls_keys, .outer = &route_object};
