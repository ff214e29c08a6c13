/* The keys of the file, its services and its log. */
#include "config/keys.h"

#include "config/config.h"
#include "config/internal.h"

static const char *const log_levels[] = {"error", "warning", "info", "debug", NULL};
static const char *const log_formats[] = {"logfmt", "json", NULL};
static const char *const roles[] = {"auto", "server", "client", NULL};
static const char *const transports[] = {"relay", "direct", NULL};

/* Enums are stored as unsigned int; the order of their names is their own. */
_Static_assert(sizeof(enum config_role) == sizeof(unsigned), "enums are stored as unsigned");
_Static_assert(CONFIG_LOG_DEBUG == 3 && CONFIG_LOG_JSON == 1, "order of the names");
_Static_assert(CONFIG_ROLE_CLIENT == 2 && CONFIG_TRANSPORT_DIRECT == 1, "order of the names");

static const struct key retry_keys[] = {
    {.name = "min",
     .help = "The wait after the first failure; each further one doubles it.",
     .type = KEY_DURATION,
     .fallback = 1000,
     KEY_LIMITS(1, 86400000),
     KEY_STORED_IN(config_service, dial.retry_min_ms)},
    {.name = "max",
     .help = "The longest wait.",
     .type = KEY_DURATION,
     .fallback = 60000,
     KEY_LIMITS(1, 86400000),
     KEY_STORED_IN(config_service, dial.retry_max_ms)},
    {0}};

static const struct key_object retry_object = {.keys = retry_keys, .outer = &service_object};

static const struct key role_hint_keys[] = {
    {.name = "from",
     .help = "Network of the peers, as in \"192.0.2.0/24\" or \"2001:db8::/32\".",
     .type = KEY_NETWORK,
     .required = true,
     KEY_STORED_IN(config_role_hint, from)},
    {.name = "role",
     .help = "Our part in TLS with these peers.",
     .type = KEY_ENUM,
     .required = true,
     .names = roles + CONFIG_ROLE_SERVER,
     KEY_LIMITS(CONFIG_ROLE_SERVER, 0),
     KEY_STORED_IN(config_role_hint, role)},
    {0}};

static const struct key_object role_hint_object = {
    .keys = role_hint_keys, .outer = &service_object, .size = sizeof(struct config_role_hint)};

static const struct key limits_keys[] = {
    {.name = "per_address",
     .help = "Connections that one address may have open; more are closed at once. Default: no "
             "limit, since many good clients can share an address (NAT, load balancers).",
     .type = KEY_INTEGER,
     KEY_LIMITS(1, 1000000),
     KEY_STORED_IN(config_limits, per_address)},
    {.name = "undecided_per_address",
     .help =
         "Connections of one address whose TLS handshake is not done yet; beyond, its oldest "
         "one makes way. Default: half of max_connections, but at least 64, so that one address "
         "leaves room.",
     .type = KEY_INTEGER,
     KEY_LIMITS(1, 1000000),
     KEY_STORED_IN(config_limits, undecided_per_address)},
    {.name = "rate_per_address",
     .help = "New connections of one address per second, of which one second's worth may come at "
             "once; more are closed at once. Default: no limit.",
     .type = KEY_INTEGER,
     KEY_LIMITS(1, 1000000),
     KEY_STORED_IN(config_limits, rate_per_address)},
    {.name = "ipv4_prefix",
     .help = "How many leading bits of an IPv4 address count as one address; IPv4-mapped IPv6 is "
             "IPv4.",
     .type = KEY_INTEGER,
     .fallback = 32,
     KEY_LIMITS(1, 32),
     KEY_STORED_IN(config_limits, ipv4_prefix)},
    {.name = "ipv6_prefix",
     .help = "How many leading bits of an IPv6 address count as one address; one subscriber "
             "usually has a whole /64.",
     .type = KEY_INTEGER,
     .fallback = 64,
     KEY_LIMITS(1, 128),
     KEY_STORED_IN(config_limits, ipv6_prefix)},
    {.name = "allow",
     .help = "Networks that may connect, as in \"192.0.2.0/24\"; with it, others may not. Of "
             "allow and deny the longest prefix that fits counts; if equal, deny.",
     .type = KEY_NETWORKS,
     KEY_LIMITS(1, 1000),
     KEY_COUNT_IN(config_limits, allow_count),
     KEY_STORED_IN(config_limits, allow)},
    {.name = "deny",
     .help = "Networks that may not connect: they are closed before the handshake.",
     .type = KEY_NETWORKS,
     KEY_LIMITS(1, 1000),
     KEY_COUNT_IN(config_limits, deny_count),
     KEY_STORED_IN(config_limits, deny)},
    {0}};

static const struct key_object limits_object = {.keys = limits_keys, .outer = &service_object};

static const struct key service_keys[] = {
    {.name = "name",
     .help = "Name of the service, in the log and elsewhere; no other service has it.",
     .type = KEY_STRING,
     .pattern = "^[A-Za-z0-9_.-]{1,64}$",
     .required = true,
     .wrong = wrong_service_name,
     KEY_STORED_IN(config_service, name)},
    {.name = "listen",
     .help = "Address to accept connections on: host:port, [v6]:port or unix:/path; port 0 takes "
             "a free one.",
     .type = KEY_ADDRESS,
     .choice = KEY_OPENER,
     KEY_LIMITS(0, UINT16_MAX),
     KEY_STORED_IN(config_service, listen)},
    {.name = "dial",
     .help = "Address to connect to instead of listening: host:port, [v6]:port or unix:/path, or a "
             "list of them, the preferred one first.",
     .type = KEY_ADDRESSES,
     .choice = KEY_OPENER,
     KEY_LIMITS(1, 8),
     KEY_COUNT_IN(config_service, dial.address_count),
     KEY_STORED_IN(config_service, dial.addresses)},
    {.name = "dial_from",
     .help = "With dial: local address and port of the TCP connections, such as 0.0.0.0:4433 or "
             "[::]:0; port 0 takes a free one. Two that dial each other need fixed ones.",
     .type = KEY_ADDRESS,
     .needs = "dial",
     KEY_LIMITS(0, UINT16_MAX),
     KEY_STORED_IN(config_service, dial.from)},
    {.name = "listen_plain",
     .help = "With dial: address to accept local connections on that speak no TLS; each of them "
             "dials one connection and is joined to it.",
     .type = KEY_ADDRESS,
     .needs = "dial",
     .choice = KEY_HANDLER,
     KEY_LIMITS(0, UINT16_MAX),
     KEY_STORED_IN(config_service, dial.listen_plain)},
    {.name = "persistent",
     .help = "With dial: keep one connection up, and make a new one when it ends.",
     .type = KEY_BOOL,
     .needs = "dial",
     KEY_STORED_IN(config_service, dial.persistent)},
    {.name = "retry",
     .help = "With persistent: how long to wait before connecting again.",
     .type = KEY_OBJECT,
     .needs_true = "persistent",
     .object = &retry_object,
     .offset = 0}, /* its keys are stored in the service itself */
    {.name = "connect_timeout",
     .help = "With dial: how long a TCP connection may take to come up, all addresses together.",
     .type = KEY_DURATION,
     .needs = "dial",
     .fallback = 10000,
     KEY_LIMITS(1, DURATION_MOST),
     KEY_STORED_IN(config_service, dial.connect_timeout_ms)},
    {.name = "role",
     .help = "Our part in TLS; auto decides by the peer's first bytes or its silence. With dial, "
             "the default is client.",
     .type = KEY_ENUM,
     .names = roles,
     KEY_STORED_IN(config_service, connection.role)},
    {.name = "role_hints",
     .help = "With listen and role auto: peers whose role is known beforehand, so that nobody "
             "waits; the first network that fits counts.",
     .type = KEY_OBJECTS,
     .needs = "listen",
     .object = &role_hint_object,
     KEY_LIMITS(1, 1000),
     KEY_COUNT_IN(config_service, role_hint_count),
     KEY_STORED_IN(config_service, role_hints)},
    {.name = "remember_roles",
     .help = "With role auto: wait less for the first bytes of peers that were silent before.",
     .type = KEY_BOOL,
     KEY_STORED_IN(config_service, remember_roles)},
    {.name = "transport",
     .help = "How bytes get from the socket to TLS: through a relay thread, or directly.",
     .type = KEY_ENUM,
     .names = transports,
     KEY_STORED_IN(config_service, connection.transport)},
    {.name = "initial_data_timeout",
     .help = "How long a peer may stay silent before we become TLS client; 0s: at once.",
     .type = KEY_DURATION,
     .fallback = 5000,
     .never = true,
     KEY_LIMITS(0, DURATION_MOST),
     KEY_STORED_IN(config_service, connection.initial_data_timeout_ms)},
    {.name = "handshake_timeout",
     .help = "How long the TLS handshake may take.",
     .type = KEY_DURATION,
     .fallback = 10000,
     KEY_LIMITS(1, DURATION_MOST),
     KEY_STORED_IN(config_service, connection.handshake_timeout_ms)},
    {.name = "idle_timeout",
     .help = "How long a connection may stay open with nothing read and nothing written.",
     .type = KEY_DURATION,
     .fallback = 3600000,
     .never = true,
     KEY_LIMITS(1, DURATION_MOST),
     KEY_STORED_IN(config_service, connection.idle_timeout_ms)},
    {.name = "write_timeout",
     .help = "How long the peer may take less than 64 bytes a second of waiting output.",
     .type = KEY_DURATION,
     .fallback = 60000,
     KEY_LIMITS(1, DURATION_MOST),
     KEY_STORED_IN(config_service, connection.write_timeout_ms)},
    {.name = "close_timeout",
     .help = "How long we wait for the peer's end after our own.",
     .type = KEY_DURATION,
     .fallback = 5000,
     KEY_LIMITS(0, DURATION_MOST),
     KEY_STORED_IN(config_service, connection.close_timeout_ms)},
    {.name = "max_connections",
     .help = "Connections open at once; at the limit the oldest one whose handshake is not done "
             "makes way, of the address that has most of them. If all are done, the backlog waits.",
     .type = KEY_INTEGER,
     .fallback = CONFIG_MAX_CONNECTIONS_DEFAULT,
     KEY_LIMITS(1, 1000000),
     KEY_STORED_IN(config_service, max_connections)},
    {.name = "limits",
     .help = "With listen on TCP: what one peer's address may take, and who may connect.",
     .type = KEY_OBJECT,
     .needs = "listen",
     .object = &limits_object,
     KEY_STORED_IN(config_service, limits)},
    {.name = "tcp_fast_open",
     .help = "Send (dial) or accept (listen) the first bytes in the SYN, as RFC 7413 has it.",
     .type = KEY_BOOL,
     KEY_STORED_IN(config_service, connection.tcp_fast_open)},
    {.name = "tcp_fast_open_queue",
     .help = "With listen and tcp_fast_open: how many connections with data in the SYN may wait "
             "for the end of the TCP handshake.",
     .type = KEY_INTEGER,
     .fallback = 256,
     .needs = "listen",
     .needs_true = "tcp_fast_open",
     KEY_LIMITS(1, 65535),
     KEY_STORED_IN(config_service, tcp_fast_open_queue)},
    {.name = "tls",
     .help = "Certificates, whom to trust, and TLS settings.",
     .type = KEY_OBJECT,
     .required = true,
     .object = &tls_object,
     KEY_STORED_IN(config_service, connection.tls)},
    /* For both roles: check_conversations stores them. */
    {.name = "forward",
     .help = forward_help,
     .type = KEY_ADDRESS,
     .choice = KEY_HANDLER,
     .deferred = true,
     KEY_LIMITS(1, UINT16_MAX),
     .offset = KEY_NOWHERE},
    {.name = "echo",
     .help = echo_help,
     .type = KEY_PRESENT,
     .choice = KEY_HANDLER,
     .deferred = true,
     .offset = KEY_NOWHERE},
    {.name = "http",
     .help = http_help,
     .type = KEY_OBJECT,
     .choice = KEY_HANDLER,
     .deferred = true,
     .object = &http_object,
     .offset = KEY_NOWHERE},
    {.name = "as_server",
     .help = "What to do with connections on which we are TLS server.",
     .type = KEY_OBJECT,
     .choice = KEY_HANDLER_BY_ROLE,
     .object = &conversation_object,
     KEY_STORED_IN(config_service, as_server)},
    {.name = "as_client",
     .help = "What to do with connections on which we are TLS client.",
     .type = KEY_OBJECT,
     .choice = KEY_HANDLER_BY_ROLE,
     .object = &conversation_object,
     KEY_STORED_IN(config_service, as_client)},
    {0}};

const struct key_object service_object = {
    .keys = service_keys, .outer = &config_object, .size = sizeof(struct config_service)};

static const struct key log_keys[] = {{.name = "level",
                                       .help = "The least severe lines to write.",
                                       .type = KEY_ENUM,
                                       .fallback = CONFIG_LOG_INFO,
                                       .names = log_levels,
                                       KEY_STORED_IN(config, log_level)},
                                      {.name = "format",
                                       .help = "Lines of key=value pairs, or of JSON.",
                                       .type = KEY_ENUM,
                                       .names = log_formats,
                                       KEY_STORED_IN(config, log_format)},
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
     .fallback = 30000,
     KEY_LIMITS(0, DURATION_MOST),
     KEY_STORED_IN(config, shutdown_timeout_ms)},
    {.name = "services",
     .help = "The services; there is at least one.",
     .type = KEY_OBJECTS,
     .required = true,
     .object = &service_object,
     KEY_LIMITS(1, 10000),
     .second = offsetof(struct config, service_count),
     KEY_STORED_IN(config, services)},
    {0}};

const struct key_object config_object = {.keys = top_keys};
