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
    "Names of which the peer's certificate must carry one, in both roles: a DNS name (\"*.\" "
    "stands for one label), an IP address, or a name with its kind before it: dns:, ip:, uri:, "
    "email: or cn: (the subject's common name).";
static const char peer_pins_help[] =
    "Public keys of which the peer must have one, in both roles: sha256: and the SHA-256 of its "
    "SubjectPublicKeyInfo in hex.";

static const struct key certificate_keys[] = {
    {.name = "server_names",
     .help = "The names that this certificate is for: DNS names; \"*.\" stands for one label.",
     .type = KEY_STRINGS,
     .required = true,
     .wrong = wrong_offered_name,
     KEY_LIMITS(1, 1000),
     KEY_STORED_IN(config_certificate, server_names)},
    {.name = "certificate",
     .help = "PEM file with the certificate and its chain.",
     .type = KEY_PATH,
     .required = true,
     KEY_STORED_IN(config_certificate, certificate)},
    {.name = "key",
     .help = "PEM file with the private key; default: the certificate's file.",
     .type = KEY_PATH,
     KEY_STORED_IN(config_certificate, key)},
    {0}};

static const struct key_object certificate_object = {
    .keys = certificate_keys, .outer = &tls_object, .size = sizeof(struct config_certificate)};

static const struct key tls_keys[] = {
    {.name = "certificate",
     .help = "PEM file with our certificate and its chain; needed where we may be TLS server.",
     .type = KEY_PATH,
     KEY_STORED_IN(config_tls, certificate)},
    {.name = "key",
     .help = "PEM file with the private key; default: the certificate's file.",
     .type = KEY_PATH,
     KEY_STORED_IN(config_tls, key)},
    {.name = "ca",
     .help = "PEM file with the CA certificates to trust, or \"system\" for the system's.",
     .type = KEY_PATH,
     .word = "system",
     .second = offsetof(struct config_tls, ca_system),
     KEY_STORED_IN(config_tls, ca)},
    {.name = "client_auth",
     .help = "Whether we, as TLS server, ask for a certificate (request), insist on one (require), "
             "or ask when the conversation needs one (on_demand). To be written out where the role "
             "is auto; with \"dial\", require where we may be TLS server.",
     .type = KEY_ENUM,
     .fallback = CONFIG_CLIENT_AUTH_UNSET,
     .names = client_auths,
     KEY_STORED_IN(config_tls, client_auth)},
    {.name = "peer_names",
     .help = peer_names_help,
     .type = KEY_STRINGS,
     .wrong = wrong_peer_name,
     KEY_LIMITS(1, 10000),
     KEY_STORED_IN(config_tls, peer_names)},
    {.name = "peer_pins",
     .help = peer_pins_help,
     .type = KEY_STRINGS,
     .pattern = KEY_PIN_PATTERN,
     .wrong = wrong_peer_pin,
     KEY_LIMITS(1, 10000),
     KEY_STORED_IN(config_tls, peer_pins)},
    {.name = "server_name",
     .help = "Server name (SNI) that we send as TLS client.",
     .type = KEY_STRING,
     .wrong = wrong_server_name,
     KEY_STORED_IN(config_tls, server_name)},
    {.name = "min_version",
     .help = "The oldest TLS version to speak.",
     .type = KEY_ENUM,
     .names = tls_versions,
     KEY_STORED_IN(config_tls, min_version)},
    {.name = "ciphers",
     .help = "TLS 1.2 ciphers, as an OpenSSL cipher list; default: ECDHE with AES-GCM or ChaCha20.",
     .type = KEY_STRING,
     .wrong = wrong_ciphers,
     KEY_STORED_IN(config_tls, ciphers)},
    {.name = "ciphersuites",
     .help = "TLS 1.3 cipher suites, with colons between them; default: OpenSSL's.",
     .type = KEY_STRING,
     .wrong = wrong_ciphers,
     KEY_STORED_IN(config_tls, ciphersuites)},
    {.name = "groups",
     .help =
         "Groups of the key exchange, with colons between them, the preferred one first; default: "
         "OpenSSL's, and X25519MLKEM768 first where it is known (OpenSSL 3.5).",
     .type = KEY_STRING,
     .wrong = wrong_ciphers,
     KEY_STORED_IN(config_tls, groups)},
    {.name = "max_certificate_list",
     .help = "Bytes of certificates that a peer may show; more end the handshake.",
     .type = KEY_INTEGER,
     .fallback = CONFIG_CERTIFICATE_LIST_DEFAULT,
     KEY_LIMITS(1024, 1048576),
     KEY_STORED_IN(config_tls, max_certificate_list)},
    {.name = "verify_depth",
     .help =
         "How many intermediate CA certificates there may be between the peer's and one of \"ca\".",
     .type = KEY_INTEGER,
     .fallback = CONFIG_VERIFY_DEPTH_DEFAULT,
     KEY_LIMITS(1, 100),
     KEY_STORED_IN(config_tls, verify_depth)},
    {.name = "alpn",
     .help = "Application protocols (ALPN), the preferred one first.",
     .type = KEY_STRINGS,
     .wrong = wrong_alpn,
     KEY_LIMITS(1, 255),
     KEY_STORED_IN(config_tls, alpn)},
    {.name = "require_alpn",
     .help =
         "Refuse a peer that takes no part in ALPN, in both roles. Protects from cross-protocol "
         "attacks (ALPACA). Default: only one that offers other protocols is refused.",
     .type = KEY_BOOL,
     KEY_STORED_IN(config_tls, require_alpn)},
    {.name = "insecure_any_peer",
     .help = "Accept any peer, in both roles. Protects from nobody who can reach us.",
     .type = KEY_BOOL,
     KEY_STORED_IN(config_tls, insecure_any_peer)},
    {.name = "crl",
     .help = "PEM file with certificate revocation lists of the CAs in \"ca\".",
     .type = KEY_PATH,
     KEY_STORED_IN(config_tls, crl)},
    {.name = "ocsp_response",
     .help = "DER file with an OCSP response for our certificate, sent to clients that ask for it.",
     .type = KEY_PATH,
     KEY_STORED_IN(config_tls, ocsp_response)},
    {.name = "certificates",
     .help = "More certificates, chosen by the server name (SNI) that a client asks for; the "
             "service's own is for all other names.",
     .type = KEY_OBJECTS,
     .object = &certificate_object,
     KEY_LIMITS(1, 1000),
     KEY_COUNT_IN(config_tls, certificate_count),
     KEY_STORED_IN(config_tls, certificates)},
    {.name = "unknown_server_name",
     .help = "What a client gets that asks for a name that neither \"certificates\" nor our own "
             "certificate has: the service's own certificate (default), or the alert "
             "unrecognized_name (refuse).",
     .type = KEY_ENUM,
     .names = unknown_server_names,
     KEY_STORED_IN(config_tls, unknown_server_name)},
    {.name = "sessions",
     .help = "Where sessions are kept for resumption: off, memory, tickets (at the client), "
             "file:/path (for all processes of this host), redis://user@host:port/db, "
             "rediss:// (the same over TLS) or redis:unix:/path (for several hosts).",
     .type = KEY_SESSIONS,
     .fallback = CONFIG_SESSIONS_MEMORY,
     .names = sessions,
     KEY_STORED_IN(config_tls, sessions)},
    {.name = "session_key_file",
     .help = "File with the keys that seal sessions and tickets, one of 64 hex digits a line: the "
             "first seals, all open; needed with file: and redis:.",
     .type = KEY_PATH,
     KEY_STORED_IN(config_tls, session_key_file)},
    {.name = "sessions_password_file",
     .help = "File with the password for Redis, or credential:NAME for a systemd credential.",
     .type = KEY_PATH,
     .scheme = "credential:",
     KEY_STORED_IN(config_tls, sessions.password_file)},
    {.name = "sessions_ca",
     .help = "PEM file with the CA certificates that vouch for the Redis of rediss://, or "
             "\"system\" for the system's.",
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
