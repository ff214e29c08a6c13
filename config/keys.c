#include "config/keys.h"

#include "config/config.h"
#include "config/internal.h"

static const char *const log_levels[] = {"error", "warning", "info", "debug", NULL};
static const char *const log_formats[] = {"logfmt", "json", NULL};
static const char *const roles[] = {"auto", "server", "client", NULL};
static const char *const transports[] = {"relay", "direct", NULL};
static const char *const client_auths[] = {"none", "request", "require", NULL};
static const char *const tls_versions[] = {"1.2", "1.3", NULL};

/* Enums are stored as unsigned int; the order of their names is their own. */
_Static_assert(sizeof(enum config_role) == sizeof(unsigned), "enums are stored as unsigned");
_Static_assert(CONFIG_LOG_DEBUG == 3 && CONFIG_LOG_JSON == 1, "order of the names");
_Static_assert(CONFIG_ROLE_CLIENT == 2 && CONFIG_TRANSPORT_DIRECT == 1, "order of the names");
_Static_assert(CONFIG_CLIENT_AUTH_REQUIRE == 2 && CONFIG_TLS_1_3 == 1, "order of the names");

static const struct key_object service_object;

#define IN_CONFIG(member) .offset = offsetof(struct config, member)
#define IN_SERVICE(member) .offset = offsetof(struct config_service, member)
#define IN_CONNECTION(member) .offset = offsetof(struct config_service, connection.member)
#define IN_TLS(member) .offset = offsetof(struct config_tls, member)
#define IN_CONVERSATION(member) .offset = offsetof(struct config_conversation, member)
#define FROM(low, high) .least = (low), .most = (high)

static const struct key tls_keys[] = {
    {.name = "certificate",
     .help = "PEM file with our certificate and its chain; needed where we may be TLS server.",
     .type = KEY_PATH,
     IN_TLS(certificate)},
    {.name = "key",
     .help = "PEM file with the private key; default: the certificate's file.",
     .type = KEY_PATH,
     IN_TLS(key)},
    {.name = "ca",
     .help = "PEM file with the CA certificates to trust, or \"system\" for the system's.",
     .type = KEY_PATH,
     .word = "system",
     .second = offsetof(struct config_tls, ca_system),
     IN_TLS(ca)},
    {.name = "client_auth",
     .help = "Whether we, as TLS server, ask for a certificate (request) or insist on one "
             "(require).",
     .type = KEY_ENUM,
     .names = client_auths,
     IN_TLS(client_auth)},
    {.name = "peer_names",
     .help = "Names of which the peer's certificate must carry one, in both roles: a DNS name "
             "(\"*.\" stands for one label), an IP address, or uri: and a URI.",
     .type = KEY_STRINGS,
     .wrong = wrong_peer_name,
     FROM(1, 10000),
     IN_TLS(peer_names)},
    {.name = "peer_pins",
     .help = "Public keys of which the peer must have one, in both roles: sha256: and the SHA-256 "
             "of its SubjectPublicKeyInfo in hex.",
     .type = KEY_STRINGS,
     .wrong = wrong_peer_pin,
     FROM(1, 10000),
     IN_TLS(peer_pins)},
    {.name = "server_name",
     .help = "Server name (SNI) that we send as TLS client.",
     .type = KEY_STRING,
     .wrong = wrong_server_name,
     IN_TLS(server_name)},
    {.name = "min_version",
     .help = "The oldest TLS version to speak.",
     .type = KEY_ENUM,
     .names = tls_versions,
     IN_TLS(min_version)},
    {.name = "ciphers",
     .help = "TLS 1.2 ciphers, as an OpenSSL cipher list; default: OpenSSL's.",
     .type = KEY_STRING,
     .wrong = wrong_ciphers,
     IN_TLS(ciphers)},
    {.name = "ciphersuites",
     .help = "TLS 1.3 cipher suites, with colons between them; default: OpenSSL's.",
     .type = KEY_STRING,
     .wrong = wrong_ciphers,
     IN_TLS(ciphersuites)},
    {.name = "alpn",
     .help = "Application protocols (ALPN), the preferred one first.",
     .type = KEY_STRINGS,
     .wrong = wrong_alpn,
     FROM(1, 255),
     IN_TLS(alpn)},
    {.name = "insecure_any_peer",
     .help = "Accept any peer, in both roles. Protects from nobody who can reach us.",
     .type = KEY_BOOL,
     IN_TLS(insecure_any_peer)},
    {0}};

static const struct key_object tls_object = {.keys = tls_keys, .outer = &service_object};

static const char forward_help[] = "Join the connection to the plain service at this address: "
                                   "host:port, [v6]:port or unix:/path.";
static const char echo_help[] = "Send everything back: true, or {}.";

static const struct key conversation_keys[] = {
    {.name = "forward",
     .help = forward_help,
     .type = KEY_ADDRESS,
     FROM(1, UINT16_MAX),
     IN_CONVERSATION(forward)},
    {.name = "echo", .help = echo_help, .type = KEY_PRESENT, .offset = KEY_NOWHERE},
    {0}};

static const struct key_object conversation_object = {.keys = conversation_keys,
                                                      .outer = &service_object};

static const struct key service_keys[] = {
    {.name = "name",
     .help = "Name of the service, in the log and elsewhere; no other service has it.",
     .type = KEY_STRING,
     .required = true,
     .wrong = wrong_service_name,
     IN_SERVICE(name)},
    {.name = "listen",
     .help = "Address to accept connections on: host:port, [v6]:port or unix:/path; port 0 takes "
             "a free one.",
     .type = KEY_ADDRESS,
     .required = true,
     FROM(0, UINT16_MAX),
     IN_SERVICE(listen)},
    {.name = "role",
     .help = "Our part in TLS; auto decides by the peer's first bytes or its silence.",
     .type = KEY_ENUM,
     .names = roles,
     IN_CONNECTION(role)},
    {.name = "transport",
     .help = "How bytes get from the socket to TLS: through a relay thread, or directly.",
     .type = KEY_ENUM,
     .names = transports,
     IN_CONNECTION(transport)},
    {.name = "initial_data_timeout",
     .help = "How long a peer may stay silent before we become TLS client; 0s: at once.",
     .type = KEY_DURATION,
     .never = true,
     FROM(0, DURATION_MOST),
     IN_CONNECTION(initial_data_timeout_ms)},
    {.name = "handshake_timeout",
     .help = "How long the TLS handshake may take.",
     .type = KEY_DURATION,
     FROM(1, DURATION_MOST),
     IN_CONNECTION(handshake_timeout_ms)},
    {.name = "idle_timeout",
     .help = "How long a connection may stay open with nothing read and nothing written.",
     .type = KEY_DURATION,
     .never = true,
     FROM(1, DURATION_MOST),
     IN_CONNECTION(idle_timeout_ms)},
    {.name = "write_timeout",
     .help = "How long output may make no progress.",
     .type = KEY_DURATION,
     FROM(1, DURATION_MOST),
     IN_CONNECTION(write_timeout_ms)},
    {.name = "close_timeout",
     .help = "How long we wait for the peer's end after our own.",
     .type = KEY_DURATION,
     FROM(0, DURATION_MOST),
     IN_CONNECTION(close_timeout_ms)},
    {.name = "max_connections",
     .help = "Connections open at once; at the limit no more are accepted and the backlog waits.",
     .type = KEY_INTEGER,
     FROM(1, 1000000),
     IN_SERVICE(max_connections)},
    {.name = "tls",
     .help = "Certificates, whom to trust, and TLS settings.",
     .type = KEY_OBJECT,
     .required = true,
     .object = &tls_object,
     IN_CONNECTION(tls)},
    /* Stored for one role; check_conversations copies it to the other. */
    {.name = "forward",
     .help = forward_help,
     .type = KEY_ADDRESS,
     FROM(1, UINT16_MAX),
     IN_SERVICE(as_server.forward)},
    {.name = "echo", .help = echo_help, .type = KEY_PRESENT, .offset = KEY_NOWHERE},
    {.name = "as_server",
     .help = "What to do with connections on which we are TLS server.",
     .type = KEY_OBJECT,
     .object = &conversation_object,
     IN_SERVICE(as_server)},
    {.name = "as_client",
     .help = "What to do with connections on which we are TLS client.",
     .type = KEY_OBJECT,
     .object = &conversation_object,
     IN_SERVICE(as_client)},
    {0}};

static void service_init(void *service)
{
    config_service_init(service);
}

static const struct key_object service_object = {.keys = service_keys,
                                                 .outer = &config_object,
                                                 .size = sizeof(struct config_service),
                                                 .init = service_init};

static const struct key log_keys[] = {{.name = "level",
                                       .help = "The least severe lines to write.",
                                       .type = KEY_ENUM,
                                       .names = log_levels,
                                       IN_CONFIG(log_level)},
                                      {.name = "format",
                                       .help = "Lines of key=value pairs, or of JSON.",
                                       .type = KEY_ENUM,
                                       .names = log_formats,
                                       IN_CONFIG(log_format)},
                                      {0}};

static const struct key_object log_object = {.keys = log_keys, .outer = &config_object};

static const struct key top_keys[] = {
    {.name = "$schema",
     .help = "For editors: where this schema is.",
     .type = KEY_STRING,
     .offset = KEY_NOWHERE},
    {.name = "log",
     .help = "The log, written to standard error.",
     .type = KEY_OBJECT,
     .object = &log_object,
     .offset = 0}, /* its keys are stored in struct config itself */
    {.name = "shutdown_timeout",
     .help = "How long open connections may go on after SIGTERM or SIGINT.",
     .type = KEY_DURATION,
     FROM(0, DURATION_MOST),
     IN_CONFIG(shutdown_timeout_ms)},
    {.name = "services",
     .help = "The services; there is at least one.",
     .type = KEY_OBJECTS,
     .required = true,
     .object = &service_object,
     FROM(1, 10000),
     .second = offsetof(struct config, service_count),
     IN_CONFIG(services)},
    {0}};

const struct key_object config_object = {.keys = top_keys};

const struct key *key_find(const struct key_object *object, const char *name)
{
    for (const struct key *key = object->keys; key->name; key++) {
        if (strcmp(key->name, name) == 0)
            return key;
    }
    return NULL;
}
