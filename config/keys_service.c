/* The keys of a service. */
#include "config/keys.h"

#include "config/config.h"
#include "config/internal.h"

static const char *const roles[] = {"auto", "server", "client", NULL};
static const char *const transports[] = {"relay", "direct", NULL};
static const char *const starts[] = {"at_once", "first_byte", "proxy", NULL};
static const char *const on_reload[] = {"keep", "recheck", NULL};

/* Enums are stored as unsigned int; the order of their names is their own. */
_Static_assert(sizeof(enum config_role) == sizeof(unsigned), "enums are stored as unsigned");
_Static_assert(CONFIG_ROLE_CLIENT == 2 && CONFIG_TRANSPORT_DIRECT == 1, "order of the names");
_Static_assert(CONFIG_ON_RELOAD_RECHECK == 1 && CONFIG_START_PROXY == 2, "order of the names");

static const struct key role_hint_keys[] = {
    {.name = "from",
     .help = "The network of the peers, such as \"192.0.2.0/24\" or \"2001:db8::/32\".",
     .type = KEY_NETWORK,
     .required = true,
     KEY_STORED_IN(config_role_hint, from)},
    {.name = "role",
     .help = "Our TLS role with these peers.",
     .type = KEY_ENUM,
     .required = true,
     .names = roles + CONFIG_ROLE_SERVER,
     KEY_LIMITS(CONFIG_ROLE_SERVER, 0),
     KEY_STORED_IN(config_role_hint, role)},
    {0}};

static const struct key_object role_hint_object = {
    .keys = role_hint_keys, .outer = &service_object, .size = sizeof(struct config_role_hint)};

static const struct key service_keys[] = {
    {.name = "name",
     .help = "The name of the service in the log. It must be unique.",
     .type = KEY_STRING,
     .pattern = "^[A-Za-z0-9_.-]{1,64}$",
     .required = true,
     .wrong = names_wrong_service,
     KEY_STORED_IN(config_service, name)},
    {.name = "listen",
     .help = "The address to accept connections on, or a list of them: host:port, [v6]:port, "
             "unix:/path or unix:@name (abstract). A port may be a range, 8000-8010; port 0 takes "
             "a free port, and the log names it. A name stands for all its addresses.",
     .type = KEY_ADDRESSES,
     .listens = true,
     .choice = KEY_DIALER,
     KEY_LIMITS(1, CONFIG_LISTEN_MAX),
     KEY_COUNT_IN(config_service, listen.count),
     KEY_STORED_IN(config_service, listen.addresses)},
    {.name = "listen_options",
     .help = "How the sockets of listen and listen_plain are opened.",
     .type = KEY_OBJECT,
     .object = &listen_options_object,
     KEY_STORED_IN(config_service, listen_options)},
    {.name = "dial",
     .help =
         "The address to connect to instead of listening: host:port, [v6]:port or unix:/path, "
         "or a list of them, the preferred one first. Needs listen_plain, persistent or periodic.",
     .type = KEY_ADDRESSES,
     .choice = KEY_DIALER,
     KEY_LIMITS(1, 8),
     KEY_COUNT_IN(config_service, dial.address_count),
     KEY_STORED_IN(config_service, dial.addresses)},
    {.name = "share",
     .help = "Share a pool with other collectors: names that have no connection here are reached "
             "through the collector that has one. In the place of listen or dial, and of a "
             "handler; tls is for the connections to other collectors.",
     .type = KEY_OBJECT,
     .choice = KEY_DIALER,
     .object = &share_object,
     KEY_STORED_IN(config_service, share)},
    {.name = "dial_from",
     .help = "The local address and port of dialed TCP connections, such as 0.0.0.0:4433 or "
             "[::]:0. Port 0 takes a free port. Two peers behind NAT that dial each other from "
             "fixed ports meet without a listener (TCP simultaneous open).",
     .type = KEY_ADDRESS,
     .ip = true,
     .needs = "dial",
     KEY_LIMITS(0, UINT16_MAX),
     KEY_STORED_IN(config_service, dial.from)},
    {.name = "dial_source",
     .help = "From where dialed TCP connections are made: an address, or an object. See also "
             "dial_from.",
     .type = KEY_OBJECT,
     .object = &source_object,
     .needs = "dial",
     KEY_STORED_IN(config_service, dial.source)},
    {.name = "dial_through",
     .help = "The proxy to dial through: http://host:port asks it with CONNECT, socks5://host:port "
             "speaks SOCKS5. It gets the addresses of dial as they are written, and resolves "
             "names.",
     .type = KEY_PROXY,
     .needs = "dial",
     KEY_STORED_IN(config_service, dial.through.proxy)},
    {.name = "dial_through_auth",
     .help = "File with user:password for the proxy, which other users must not be able to read, "
             "or credential:NAME for a systemd credential. It is read at each dial.",
     .type = KEY_PATH,
     .scheme = CONFIG_CREDENTIAL,
     .needs = "dial_through",
     KEY_STORED_IN(config_service, dial.through.credentials_file)},
    {.name = "listen_plain",
     .help = "The address to accept local connections on, without TLS, or a list of them, as in "
             "listen. Each connection dials one and is joined to it; with reach, each is joined to "
             "a connection of a pool.",
     .type = KEY_ADDRESSES,
     .listens = true,
     .choice = KEY_HANDLER,
     .beside = "dial",
     KEY_LIMITS(1, CONFIG_LISTEN_MAX),
     KEY_COUNT_IN(config_service, dial.listen_plain.count),
     KEY_STORED_IN(config_service, dial.listen_plain.addresses)},
    {.name = "persistent",
     .help =
         "Keep dialed connections open, and dial again when one ends: one of them (true), or as "
         "many as the object says.",
     .type = KEY_OBJECT,
     .or_bool = true,
     .needs = "dial",
     .object = &persistent_object,
     KEY_COUNT_IN(config_service, dial.persistent),
     KEY_STORED_IN(config_service, dial.keep)},
    {.name = "periodic",
     .help = "Instead of persistent: dial from time to time, and close the connection when it is "
             "idle (periodic call home).",
     .type = KEY_OBJECT,
     .or_bool = true,
     .needs = "dial",
     .object = &periodic_object,
     KEY_COUNT_IN(config_service, dial.periodic),
     KEY_STORED_IN(config_service, dial.keep)},
    {.name = "retry",
     .help = "With persistent or periodic: how long to wait before dialing again.",
     .type = KEY_OBJECT,
     .needs = "dial",
     .object = &retry_object,
     .offset = 0}, /* its keys are stored in the service itself */
    {.name = "start",
     .help = "With forward: when its backend is connected. at_once: with the connection. "
             "first_byte: once the peer has sent its first byte. proxy: once the peer has sent a "
             "header of the PROXY protocol, version 2, which is taken off.",
     .type = KEY_ENUM,
     .names = starts,
     KEY_STORED_IN(config_service, start)},
    {.name = "connect_timeout",
     .help = "How long a TCP connect may take, with what is said to a proxy, all addresses of dial "
             "together.",
     .type = KEY_DURATION,
     .needs = "dial",
     .fallback = 10000,
     KEY_LIMITS(1, DURATION_MAX),
     KEY_STORED_IN(config_service, dial.connect_timeout_ms)},
    {.name = "role",
     .help = "Our TLS role, whoever dialed the TCP connection. auto decides by the peer's first "
             "bytes or its silence. With dial the default is client.",
     .type = KEY_ENUM,
     .names = roles,
     KEY_STORED_IN(config_service, connection.role)},
    {.name = "starttls",
     .help = "The connection begins in clear, in this protocol, until a command of it begins TLS: "
             "for the peer we speak the part of its server or of its client, by our role. Nothing "
             "that came before TLS is passed on. Needs a role that is not auto; with listen the "
             "default is server then.",
     .type = KEY_ENUM,
     .names = config_starttls_names + CONFIG_STARTTLS_SMTP,
     KEY_LIMITS(CONFIG_STARTTLS_SMTP, 0),
     KEY_STORED_IN(config_service, starttls)},
    {.name = "role_hints",
     .help = "With role auto: peers whose role is known, so that nobody waits. The first matching "
             "network decides.",
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
     .help =
         "How bytes get from the socket to TLS: through a relay's buffers, or directly, with SSL "
         "on the socket itself.",
     .type = KEY_ENUM,
     .names = transports,
     KEY_STORED_IN(config_service, connection.transport)},
    {.name = "initial_data_timeout",
     .help = "How long a peer may stay silent before we become TLS client. 0s: at once.",
     .type = KEY_DURATION,
     .fallback = 5000,
     .never = true,
     KEY_LIMITS(0, DURATION_MAX),
     KEY_STORED_IN(config_service, connection.initial_data_timeout_ms)},
    {.name = "handshake_timeout",
     .help = "How long the TLS handshake may take.",
     .type = KEY_DURATION,
     .fallback = 10000,
     KEY_LIMITS(1, DURATION_MAX),
     KEY_STORED_IN(config_service, connection.handshake_timeout_ms)},
    {.name = "idle_timeout",
     .help = "How long a connection may stay open with nothing read and nothing written.",
     .type = KEY_DURATION,
     .fallback = 3600000,
     .never = true,
     KEY_LIMITS(1, DURATION_MAX),
     KEY_STORED_IN(config_service, connection.idle_timeout_ms)},
    {.name = "write_timeout",
     .help = "How long the peer may take less than 64 bytes per second of the output that waits "
             "for it.",
     .type = KEY_DURATION,
     .fallback = 60000,
     KEY_LIMITS(1, DURATION_MAX),
     KEY_STORED_IN(config_service, connection.write_timeout_ms)},
    {.name = "close_timeout",
     .help = "How long we wait for the peer's close after our own.",
     .type = KEY_DURATION,
     .fallback = 5000,
     KEY_LIMITS(0, DURATION_MAX),
     KEY_STORED_IN(config_service, connection.close_timeout_ms)},
    {.name = "keepalive",
     .help = "When a TCP peer that does not answer any more, because it has lost its power or its "
             "network, is given up: idle + interval * probes after its last packet, or after the "
             "oldest data that it has not acknowledged. A peer that takes no data for so long is "
             "given up, too. In whole seconds. Default: with dial and offer the values below, "
             "otherwise the settings of the system, usually more than two hours.",
     .type = KEY_OBJECT,
     .object = &keepalive_object,
     KEY_STORED_IN(config_service, connection.keepalive)},
    {.name = "max_connections",
     .help = "Connections open at once. At the limit, the address with the most incomplete "
             "handshakes loses its oldest one. If all handshakes are complete, new connections "
             "wait in the backlog.",
     .type = KEY_INTEGER,
     .fallback = CONFIG_MAX_CONNECTIONS_DEFAULT,
     KEY_LIMITS(1, 1000000),
     KEY_STORED_IN(config_service, max_connections)},
    {.name = "limits",
     .help = "With listen on TCP, or with accept_proxy: what one peer address may use, and which "
             "may connect.",
     .type = KEY_OBJECT,
     .needs = "listen",
     .object = &limits_object,
     KEY_STORED_IN(config_service, limits)},
    {.name = "accept_proxy",
     .help = "That proxies connect, such as HAProxy, nginx or a load balancer in the cloud, which "
             "begin each connection with a header of the PROXY protocol, version 1 or 2. The "
             "address in it is the client's for limits, routes, log and status. true: with listen "
             "on a unix socket.",
     .type = KEY_OBJECT,
     .or_bool = true,
     .needs = "listen",
     .object = &accept_proxy_object,
     .second = offsetof(struct config_service, has_accept_proxy),
     KEY_STORED_IN(config_service, accept_proxy)},
    {.name = "tcp_fast_open",
     .help = "Send (dial) or accept (listen) the first bytes in the SYN (TCP Fast Open, RFC 7413).",
     .type = KEY_BOOL,
     KEY_STORED_IN(config_service, connection.tcp_fast_open)},
    {.name = "tcp_fast_open_queue",
     .help = "How many connections with data in the SYN may wait for the end of the TCP handshake.",
     .type = KEY_INTEGER,
     .fallback = 256,
     .needs = "listen",
     .needs_true = "tcp_fast_open",
     KEY_LIMITS(1, 65535),
     KEY_STORED_IN(config_service, tcp_fast_open_queue)},
    {.name = "tls",
     .help = "Our certificates, which peers we trust, and TLS settings. Not with listen_plain and "
             "reach.",
     .type = KEY_OBJECT,
     .or_else = "reach",
     .object = &tls_object,
     KEY_STORED_IN(config_service, connection.tls)},
    {.name = "routes",
     .help = "Handlers for some of the connections, by what the handshake has shown. The first "
             "route of which all conditions hold is taken; if there is none, the service's own "
             "handler.",
     .type = KEY_OBJECTS,
     .object = &route_object,
     KEY_LIMITS(1, 1000),
     KEY_COUNT_IN(config_service, route_count),
     KEY_STORED_IN(config_service, routes)},
    {.name = "on_reload",
     .help = "Open connections when tls is loaded again, by a reload or because its files have "
             "changed: keep leaves them as they are, recheck ends those whose peer the new "
             "settings refuse (ca, crl, peer_names, peer_pins, client_auth, expired certificates).",
     .type = KEY_ENUM,
     .names = on_reload,
     KEY_STORED_IN(config_service, on_reload)},
    {.name = "log_access",
     .help = "A template of the log line about a connection that has ended, such as "
             "\"%[ts] %[peer] %[reason]\". An unknown value is written as -. Default: all fields.",
     .type = KEY_STRING,
     .wrong = config_access_wrong,
     KEY_STORED_IN(config_service, log_access)},
/* For both roles: normalize reads them. */
#define HANDLER_OPTION(member) .deferred = true, .offset = KEY_NOWHERE
#define HANDLER_VALUE(kind, member) .choice = KEY_HANDLER, HANDLER_OPTION(member)
#define HANDLER_LIST(kind, member, count) HANDLER_VALUE(kind, member)
#include "config/handler_keys.inc"
#undef HANDLER_OPTION
#undef HANDLER_VALUE
#undef HANDLER_LIST
    {.name = "as_server",
     .help = "What to do with connections on which we are TLS server.",
     .type = KEY_OBJECT,
     .choice = KEY_HANDLER_BY_ROLE,
     .object = &handler_object,
     KEY_STORED_IN(config_service, as_server)},
    {.name = "as_client",
     .help = "What to do with connections on which we are TLS client.",
     .type = KEY_OBJECT,
     .choice = KEY_HANDLER_BY_ROLE,
     .object = &handler_object,
     KEY_STORED_IN(config_service, as_client)},
    {0}};

const struct key_object service_object = {
    .keys = service_keys, .outer = &config_object, .size = sizeof(struct config_service)};
