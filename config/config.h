/* The configuration: JSON text in, plain structs or a list of errors out.
 *
 * Knows JSON and the file system (is a named file there?), nothing of sockets or TLS. No function
 * here prints. A loaded configuration is never changed afterwards, so any thread may read it. */
#ifndef ACTPASS_CONFIG_CONFIG_H
#define ACTPASS_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A duration of "never". All other durations are >= 0. */
#define CONFIG_NEVER INT64_C(-1)

enum config_role { CONFIG_ROLE_AUTO, CONFIG_ROLE_SERVER, CONFIG_ROLE_CLIENT };
enum config_transport { CONFIG_TRANSPORT_RELAY, CONFIG_TRANSPORT_DIRECT };
enum config_client_auth {
    CONFIG_CLIENT_AUTH_NONE,
    CONFIG_CLIENT_AUTH_REQUEST,
    CONFIG_CLIENT_AUTH_REQUIRE,
    CONFIG_CLIENT_AUTH_ON_DEMAND, /* not in the handshake; later, when the handler asks */
    CONFIG_CLIENT_AUTH_UNSET      /* the default: nothing was written, which means NONE */
};
/* Who dials: the peer, or we. */
enum config_dialer { CONFIG_PEER_DIALS, CONFIG_WE_DIAL };
enum config_tls_version { CONFIG_TLS_1_2, CONFIG_TLS_1_3 };
enum config_log_level { CONFIG_LOG_ERROR, CONFIG_LOG_WARNING, CONFIG_LOG_INFO, CONFIG_LOG_DEBUG };
enum config_log_format { CONFIG_LOG_LOGFMT, CONFIG_LOG_JSON, CONFIG_LOG_JOURNALD };
/* Whether the process confines itself: where the system lets it (the default), or else it does not
 * start, or not at all. */
enum config_sandbox { CONFIG_SANDBOX_PREFER, CONFIG_SANDBOX_REQUIRE, CONFIG_SANDBOX_OFF };
enum config_address_kind { CONFIG_ADDRESS_NONE, CONFIG_ADDRESS_TCP, CONFIG_ADDRESS_UNIX };
enum config_handler_kind {
    CONFIG_HANDLER_NONE,
    CONFIG_HANDLER_FORWARD,
    CONFIG_HANDLER_ECHO,
    CONFIG_HANDLER_HTTP,
    CONFIG_HANDLER_OFFER,
    CONFIG_HANDLER_REACH,
    CONFIG_HANDLER_REFUSE,
    CONFIG_HANDLER_EXEC,
    CONFIG_HANDLER_COUNT /* not a kind */
};
enum config_sessions_kind {
    CONFIG_SESSIONS_OFF,
    CONFIG_SESSIONS_MEMORY, /* the default */
    CONFIG_SESSIONS_TICKETS,
    CONFIG_SESSIONS_FILE,
    CONFIG_SESSIONS_REDIS
};
/* What a TLS server does with a server name that no certificate is for. */
enum config_unknown_server_name { CONFIG_UNKNOWN_NAME_DEFAULT, CONFIG_UNKNOWN_NAME_REFUSE };

/* A peer's chain of four RSA-4096 certificates has 7 KiB. Each certificate costs us about 20
 * microseconds before the peer has authenticated. */
enum { CONFIG_CERTIFICATE_LIST_DEFAULT = 16384, CONFIG_VERIFY_DEPTH_DEFAULT = 4 };

enum { CONFIG_LISTEN_MAX = 64 }; /* addresses of one service */

enum { CONFIG_MAX_CONNECTIONS_DEFAULT = 10000 };

/* A list of strings; NULL items when count is 0. */
struct config_strings {
    char **items;
    size_t count;
};

/* A name that a peer's certificate may carry. */
enum config_name_kind {
    CONFIG_NAME_DNS,
    CONFIG_NAME_DNS_BELOW, /* "*.": each name of one label below this one */
    CONFIG_NAME_IP,
    CONFIG_NAME_URI,
    CONFIG_NAME_EMAIL,
    CONFIG_NAME_COMMON /* the subject's common name */
};

struct config_peer_name {
    enum config_name_kind kind;
    char *text;          /* without its kind, and DNS_BELOW without "*." */
    uint8_t address[16]; /* IP: in network order */
    size_t address_size; /* IP: 4 or 16 */
};

struct config_peer_names {
    struct config_peer_name *items;
    size_t count;
};

/* SHA-256 of the DER form of a SubjectPublicKeyInfo (RFC 7469 section 2.4). */
struct config_pin {
    uint8_t digest[32];
};

struct config_pins {
    struct config_pin *items;
    size_t count;
};

/* "host:port", "[v6]:port", "unix:/path" or "unix:@name". The text is as the user wrote it, for
 * messages. */
struct config_address {
    enum config_address_kind kind;
    char *text;
    char *host; /* TCP: without brackets */
    uint16_t port;
    uint16_t last_port; /* of a range to listen on; else 0 */
    char *path; /* unix: absolute, or made relative to the configuration file's folder; or "@name":
                   in the abstract namespace, which has no files */
};

/* Where a service listens: on each of these. */
struct config_listen {
    struct config_address *addresses;
    size_t count;
};

/* Who may use the file of a unix socket; each NULL: what the process makes by itself, with mode
 * 0660. */
struct config_socket_file {
    char *mode;  /* see config_mode_parse */
    char *owner; /* a name or a number, as the group */
    char *group;
};

/* How sockets that listen are opened. */
struct config_listen_options {
    uint64_t backlog; /* 0: as long as the system allows (net.core.somaxconn) */
    struct config_socket_file file;
    bool reuse_port; /* SO_REUSEPORT */
    bool v6only;     /* default true; false: "[::]" takes connections over IPv4, too */
};

/* From where TCP connections are made; all zero: the system's choice. */
struct config_source {
    struct config_strings from; /* IP addresses of this machine, at most one of each family */
    char *device;               /* SO_BINDTODEVICE; NULL: any */
    uint64_t mark;              /* SO_MARK; 0: none */
    bool transparent;           /* from the client's address (IP_TRANSPARENT) */
};

/* A network: "192.0.2.0/24" or "2001:db8::/32". All bits beyond the prefix are zero. */
struct config_network {
    int family;          /* AF_INET or AF_INET6, never an IPv4-mapped network */
    uint8_t address[16]; /* network order; IPv4: the first four, the rest zero */
    unsigned prefix;     /* its length in bits, 0 to 32 or 128 */
};

/* Where a TLS server keeps sessions for resumption. */
struct config_sessions {
    enum config_sessions_kind kind;
    char *text;    /* as the user wrote it, for messages; NULL: nothing was configured */
    char *path;    /* FILE: the store; REDIS: the socket, or NULL; relative to the configuration's
                      folder already */
    char *host;    /* REDIS over TCP: without brackets, else NULL */
    uint16_t port; /* REDIS over TCP; 6379 where the URL has none */
    uint16_t db;   /* REDIS: number of the database; 0 where the URL has none */
    char *user;    /* REDIS over TCP: whom to authenticate as; NULL: the default user */
    bool over_tls; /* REDIS: rediss:// */
    /* The rest has keys of its own. */
    char *password_file; /* REDIS: a path or "credential:ID"; NULL: no password */
    char *ca;            /* REDIS over TLS: PEM file, or NULL */
    bool ca_system;      /* or the system's */
};

/* A certificate for some server names (SNI). */
struct config_certificate {
    struct config_strings server_names; /* "name", or "*.name" for one label; none: those in it */
    char *certificate;         /* PEM chain, or a folder of them; paths as in struct config_tls */
    char *key;                 /* PEM; never NULL: the certificate's file by default */
    char *key_passphrase_file; /* as in struct config_tls */
    bool in_memory; /* certificate and key hold PEM text and are no paths; never from JSON */
};

/* What the name of a key begins with that is in no file: a URI for OSSL_STORE_open(3) follows. */
#define CONFIG_STORE "store:"
/* The same for a secret that the service manager brings (systemd.exec(5)): a name follows. */
#define CONFIG_CREDENTIAL "credential:"

/* A proxy on the way out: "http://HOST:PORT" (CONNECT) or "socks5://HOST:PORT". */
enum config_proxy_kind { CONFIG_PROXY_NONE, CONFIG_PROXY_HTTP, CONFIG_PROXY_SOCKS5 };
struct config_proxy {
    enum config_proxy_kind kind;
    char *text; /* the URL, without a slash at its end; NULL: NONE */
    struct config_address address;
};

struct config_through {
    struct config_proxy proxy;
    char *credentials_file; /* "user:password", a path or "credential:ID"; NULL: none */
};

/* "http://HOST:PORT/PATH". */
struct config_http_url {
    struct config_address address;
    char *path; /* with its query; at least "/" */
};

/* Whether peers are checked by OCSP. */
enum config_ocsp_peers {
    CONFIG_OCSP_OFF,
    CONFIG_OCSP_SOFT, /* those that are revoked are refused */
    CONFIG_OCSP_HARD  /* and those of which it is not known */
};

enum { CONFIG_OCSP_TIMEOUT_MS = 5000 };

struct config_ocsp {
    enum config_ocsp_peers peers;
    bool staple;                   /* fetch responses for our own certificates */
    char *responder;               /* a URL; NULL: what a certificate names */
    struct config_through through; /* proxy.kind is NONE: that of "dial", if there is one */
    char *cache;                   /* a folder; NULL: none */
    int64_t timeout_ms;            /* 0: the default */
};

struct config_tls {
    char *certificate; /* PEM chain; paths are already relative to the configuration's folder */
    char *key;         /* PEM, or "store:URI" */
    char *key_passphrase_file; /* a path or "credential:ID"; NULL: the key is not encrypted */
    char *ca;                  /* PEM file, or NULL */
    struct config_peer_names peer_names;
    struct config_pins peer_pins;
    char *server_name;  /* SNI sent when we are client: a DNS name; NULL: the only peer name, if it
                           is one */
    char *ciphers;      /* TLS 1.2, OpenSSL's cipher list syntax */
    char *ciphersuites; /* TLS 1.3 */
    char *groups;       /* of key exchange, OpenSSL's syntax; NULL: the default */
    uint64_t
        max_certificate_list; /* bytes of certificates that the peer may show; 0: the default */
    uint64_t verify_depth;    /* CA certificates between the peer's and one of ca; 0: the default */
    struct config_strings alpn; /* at most 255, each of 1 to 255 bytes */
    char *crl;                  /* PEM file with CRLs, or NULL */
    char *insecure_key_log;     /* file that secrets are appended to, or NULL */
    char *ocsp_response;        /* DER file that a TLS server staples, or NULL */
    /* What server names choose between; where none fits, CERTIFICATE and KEY are used. */
    struct config_certificate *certificates;
    size_t certificate_count;
    struct config_ocsp ocsp;
    struct config_sessions sessions;
    /* Keys of sealed sessions and of tickets. Never NULL with FILE and REDIS; with TICKETS, NULL
     * means a key made at start. */
    char *session_key_file;
    int64_t session_timeout_ms; /* how long a session can be resumed; default 5 min */
    /* The small ones together, so that no room is lost between them. */
    enum config_client_auth client_auth;
    enum config_tls_version min_version;
    enum config_unknown_server_name unknown_server_name;
    bool require_alpn;      /* with ALPN: a peer without it is refused, in both roles */
    bool ca_system;         /* "ca": "system" */
    bool insecure_any_peer; /* accept any peer, in both roles */
    /* The texts are PEM and no paths; never from JSON. */
    bool own_in_memory; /* certificate and key */
    bool ca_in_memory;
};

/* Which connections are watched for a peer that is gone: those that we dial, or all. */
enum config_keepalive_scope { CONFIG_KEEPALIVE_DIALED, CONFIG_KEEPALIVE_ALL };

/* When a TCP peer that does not answer is given up. */
struct config_keepalive {
    int64_t idle_ms;     /* silence before the first probe, or CONFIG_NEVER; default 60 s */
    int64_t interval_ms; /* default 10 s */
    uint64_t probes;     /* default 3 */
    enum config_keepalive_scope scope;
};

/* What one connection needs to know, whoever dialed it. Durations in milliseconds, or
 * CONFIG_NEVER. */
struct config_connection {
    enum config_role role;
    enum config_transport transport;
    int64_t initial_data_timeout_ms; /* how long the peer may stay silent; default 5 s */
    int64_t handshake_timeout_ms;    /* from the first byte or the verdict; default 10 s */
    int64_t idle_timeout_ms;         /* nothing read and nothing written; default 1 h */
    int64_t write_timeout_ms; /* output that the peer takes at less than 64 bytes a second over
                                        that time; default 60 s */
    int64_t close_timeout_ms; /* from our close_notify to the peer's end; default 5 s */
    bool tcp_fast_open;       /* data in the SYN: accepted, or sent when we dial as client */
    struct config_keepalive keepalive;
    struct config_tls tls;
};

/* A part of what "http" serves that only peers with a certificate may see. */
struct config_protected {
    char *prefix; /* of the decoded path: begins and ends with "/"; the longest that fits counts */
    /* As in struct config_tls. If there are names or pins, the certificate must have one of each,
     * besides what TLS demands. */
    struct config_peer_names peer_names;
    struct config_pins peer_pins;
};

struct config_http {
    char *root;  /* an existing folder; relative to the configuration's folder already */
    char *index; /* name of the file that is sent for its folder; "" for none; never NULL */
    struct config_protected *protected_paths;
    size_t protected_count;
};

/* Connections of devices that wait in a pool until somebody reaches for them. */
struct config_offer {
    char *pool;
    uint64_t per_name; /* that may wait under one name */
    bool send_proxy;   /* the device gets a header of the PROXY protocol, version 2, at the join */
};

/* How a gate learns which name is wanted. */
enum config_reach_by {
    CONFIG_REACH_CONNECT, /* HTTP CONNECT */
    CONFIG_REACH_SOCKS5,
    CONFIG_REACH_SERVER_NAME, /* of the TLS client */
    CONFIG_REACH_NAME         /* it is always the same */
};

/* Who may reach what: a client with one of these names and one of these pins. */
struct config_allow {
    struct config_peer_names peer_names;
    struct config_pins peer_pins;
    struct config_peer_names names; /* of devices: DNS, DNS_BELOW */
};

/* Clients of a gate, each of which is joined to a connection of the pool. */
struct config_reach {
    char *pool;
    enum config_reach_by by;
    char *name;      /* NAME: which; else NULL */
    int64_t wait_ms; /* for a device that is not there */
    struct config_allow *allow;
    size_t allow_count; /* 0: whoever the service accepts */
};

/* In which order backends are tried that are not left out for having failed. */
enum config_balance {
    CONFIG_BALANCE_FAILOVER, /* as written */
    CONFIG_BALANCE_ROUND_ROBIN,
    CONFIG_BALANCE_LEAST_CONNECTIONS
};

enum { CONFIG_BACKENDS_MAX = 16 };

/* What each connection to a backend begins with: a header of the PROXY protocol. */
enum config_proxy_header {
    CONFIG_PROXY_HEADER_NONE,
    CONFIG_PROXY_HEADER_V1,
    CONFIG_PROXY_HEADER_V2
};

/* The plain services that connections are joined with, at most CONFIG_BACKENDS_MAX. */
struct config_backends {
    struct config_address *items;
    size_t count;
    enum config_balance balance;
    enum config_proxy_header proxy_header;
    struct config_strings proxy_tlvs; /* with V2: names; empty: all but "certificate" */
    struct config_source source;
};

/* Where what a program writes to its standard error goes. */
enum config_exec_stderr {
    CONFIG_EXEC_STDERR_LOG, /* line by line, bounded */
    CONFIG_EXEC_STDERR_CONNECTION,
    CONFIG_EXEC_STDERR_DISCARD
};

/* What one program may use (setrlimit(2)). 0: no limit beside that of the system. */
struct config_exec_limits {
    int64_t cpu_ms; /* rounded up to seconds */
    uint64_t memory_mib, descriptors, processes, file_mib;
};

/* A program for each connection. */
struct config_exec {
    struct config_strings command;     /* the program, an absolute path, and its arguments */
    bool pty;                          /* it gets a terminal */
    char *user, *group;                /* NULL: the daemon's own */
    char *folder;                      /* that it begins in; an absolute path */
    struct config_strings environment; /* "NAME=value" */
    struct config_exec_limits limits;
    int64_t kill_after_ms; /* after the SIGTERM at the end of the connection */
    enum config_exec_stderr stderr_to;
};

struct config_handler {
    enum config_handler_kind kind;
    struct config_backends forward; /* FORWARD */
    struct config_http http;        /* HTTP */
    struct config_offer offer;      /* OFFER */
    struct config_reach reach;      /* REACH */
    struct config_exec exec;        /* EXEC */
};

/* A pool that several collectors share. */
struct config_share {
    char *pool;                      /* NULL: the service shares none */
    struct config_sessions registry; /* a Redis */
    struct config_address advertise; /* TCP: where the others reach this collector */
    int64_t expire_ms;               /* after that, one that is gone is forgotten; default 15 s */
};

/* "accept_proxy" of a service: which connections begin with a header of the PROXY protocol. */
enum config_accept_others { CONFIG_OTHERS_REFUSE, CONFIG_OTHERS_DIRECT };
struct config_accept_proxy {
    struct config_network *from; /* none with listen on a unix socket, where all begin with one */
    size_t from_count;
    int64_t timeout_ms;
    enum config_accept_others others; /* what becomes of connections from elsewhere */
};

/* To which of several addresses connections are kept up. */
enum config_collectors { CONFIG_COLLECTORS_FIRST, CONFIG_COLLECTORS_ALL };

/* Which connections a service dials by itself. Durations in milliseconds, never CONFIG_NEVER. */
enum { CONFIG_KEEP_MAX_DEFAULT = 64 };
struct config_keep {
    /* PERSISTENT */
    uint64_t spare,
        max; /* unused ones, at least 1; and all, at least as many; 1 and 1 for "true" */
    enum config_collectors collectors;
    /* PERIODIC */
    int64_t every_ms, window_ms; /* the period, and when in it; default 1 h, 0 */
    int64_t idle_timeout_ms;     /* after which the connection is closed; default 2 min */
    uint64_t attempts;           /* in one period; default 3 */
};

/* When the backend of "forward" is connected. */
enum config_start { CONFIG_START_AT_ONCE, CONFIG_START_FIRST_BYTE, CONFIG_START_PROXY };

/* The protocol in which a connection begins, in clear, until a command of it begins TLS. */
enum config_starttls {
    CONFIG_STARTTLS_NONE,
    CONFIG_STARTTLS_SMTP,
    CONFIG_STARTTLS_IMAP,
    CONFIG_STARTTLS_POP3,
    CONFIG_STARTTLS_FTP,
    CONFIG_STARTTLS_LDAP,
    CONFIG_STARTTLS_POSTGRESQL,
    CONFIG_STARTTLS_XMPP,
    CONFIG_STARTTLS_XMPP_SERVER,
    CONFIG_STARTTLS_MYSQL,
    CONFIG_STARTTLS_COUNT
};

/* What a service needs to know that dials its connections. Durations in milliseconds, never
 * CONFIG_NEVER. */
struct config_dial {
    struct config_address *addresses; /* in the order to try; none: the service listens */
    size_t address_count;
    /* The local address of TCP connections, an IP address; NONE: the system's choice. A port that
     * is not 0 is there only where one connection at a time is dialed. */
    struct config_address from;
    struct config_source source;   /* its addresses are there only without FROM */
    struct config_through through; /* proxy.kind is NONE: directly */
    /* Exactly one of the three is there: each connection to this address dials one and is bridged
     * to it, or connections are kept up, or one is dialed from time to time. Without addresses:
     * listen_plain is a gate's (config_is_plain_gate), or is not there. */
    struct config_listen listen_plain;
    bool persistent, periodic;
    struct config_keep keep;    /* PERSISTENT or PERIODIC, as all below */
    int64_t retry_min_ms;       /* the first wait; default 1 s */
    int64_t retry_max_ms;       /* the longest wait, not below the first; default 60 s */
    int64_t retry_jitter_ms;    /* over which the first waits are spread at least; default 0 */
    int64_t connect_timeout_ms; /* TCP connect, all addresses together; default 10 s */
};

/* Peers of a network whose role is known beforehand. */
struct config_role_hint {
    struct config_network from; /* an IPv4-mapped peer is looked up as IPv4 */
    enum config_role role;      /* ours: CONFIG_ROLE_SERVER or CONFIG_ROLE_CLIENT */
};

/* What the peers of one network ("address" below) may take before they are known. 0: no limit. */
struct config_limits {
    uint64_t per_address;           /* connections open at once */
    uint64_t undecided_per_address; /* of these, with a handshake not done; 0: half of all, at least
                                       64 */
    uint64_t rate_per_address;      /* new ones a second, and so many at once */
    uint64_t rate;                  /* new ones of all networks in any second */
    uint64_t ipv4_prefix;           /* bits that make an address; default 32 */
    uint64_t ipv6_prefix;           /* default 64 */
    /* The longest prefix that fits counts, DENY's if both are as long; nobody else with ALLOW. */
    struct config_network *allow, *deny;
    size_t allow_count, deny_count;
};

/* A role that a route is for: ours. */
enum config_route_role { CONFIG_ROUTE_SERVER, CONFIG_ROUTE_CLIENT, CONFIG_ROUTE_ANY_ROLE };

/* A handler for those connections of which all that is written holds; what is not written does. Of
 * each list one item must hold. */
struct config_route {
    char *name;                         /* in the log; NULL: its number */
    struct config_strings server_names; /* that the client asks for: "name", or "*.name" */
    struct config_strings alpn;         /* the protocol that was agreed on */
    enum config_route_role role;
    /* Of the certificate that the peer has shown in the handshake. */
    struct config_peer_names peer_names;
    struct config_pins peer_pins;
    struct config_network *from; /* the peer's address; an IPv4-mapped one is looked up as IPv4 */
    size_t from_count;
    struct config_handler handler; /* kind is never NONE */
    /* For clients that ask for one of the names, in place of the service's (config_tls_with); no
     * other route is for them then. */
    bool has_tls;
    struct config_tls tls;
};

/* What becomes of open connections at a reload: they go on with what they began with, or those end
 * whose peer would now be refused. */
enum config_on_reload { CONFIG_ON_RELOAD_KEEP, CONFIG_ON_RELOAD_RECHECK };

struct config;

struct config_service {
    char *name;
    struct config_listen listen;                 /* none: the service dials */
    struct config_listen_options listen_options; /* of listen and listen_plain */
    struct config_dial dial;
    struct config_share share;   /* its connections are to other collectors */
    uint64_t max_connections;    /* default 10000 */
    struct config_limits limits; /* only with listen on TCP, or with accept_proxy */
    bool has_accept_proxy;
    struct config_accept_proxy accept_proxy; /* with that: of accepted connections */
    uint64_t tcp_fast_open_queue; /* for the listening socket's TCP_FASTOPEN; default 256 */
    /* Only with role AUTO, the hints only with listen. */
    struct config_role_hint *role_hints; /* the first that fits counts */
    size_t role_hint_count;
    bool remember_roles; /* shorter waits for peers that were silent before */
    struct config_connection connection;
    /* One handler for both roles, or one for each; both members are always filled in,
     * and kind is CONFIG_HANDLER_NONE only for a role that cannot occur, and for both roles
     * with dial.listen_plain, where the bridge is the handler. A plain gate has both of them. */
    struct config_handler as_server;
    struct config_handler as_client;
    struct config_route *routes; /* the first whose conditions hold comes before those two */
    size_t route_count;
    enum config_on_reload on_reload;
    enum config_start start; /* of forward */
    enum config_starttls starttls;
    char *log_access; /* template of the log line about a connection; NULL: all fields */
};

/* Does it take clients without TLS, and join each to a connection of a pool? Then it has no "tls",
 * and both handlers are its "reach". */
static inline bool config_is_plain_gate(const struct config_service *service)
{
    return service->dial.listen_plain.count > 0 && service->dial.address_count == 0;
}

/* Where the service listens, with TLS or without; count 0: nowhere. */
static inline const struct config_listen *config_listens(const struct config_service *service)
{
    return service->dial.listen_plain.count > 0 ? &service->dial.listen_plain : &service->listen;
}

/* Is one of the addresses of this kind? */
bool config_listen_has(const struct config_listen *listen, enum config_address_kind kind);

/* Does it connect to other collectors, whom the registry names? Then its handler is no other. */
static inline bool config_shares(const struct config_service *service)
{
    return service->share.pool;
}

/* Is NAME one of these, or below one? KIND: CONFIG_NAME_DNS, for which DNS_BELOW counts as well, or
 * CONFIG_NAME_COMMON. ASCII case is ignored. */
bool config_names_cover(const struct config_peer_names *names, enum config_name_kind kind,
                        const char *name);

/* Is it the handler of one of the service's roles or routes? */
bool config_has_handler(const struct config_service *service, enum config_handler_kind kind);

/* The "tls" by which the peers were judged that one of its handlers gets: the service's, or with
 * that of a route. The result owns nothing. */
struct config_tls config_handler_tls(const struct config_service *service,
                                     const struct config_handler *handler);

/* Does the service offer connections to the pool? */
bool config_offers_to(const struct config_service *service, const char *pool);

/* Does the service share the pool with other collectors? */
bool config_shares_pool(const struct config_service *service, const char *pool);

/* May a device of the pool have this name, by "peer_names" of a service that offers to it? */
bool config_pool_may_have(const struct config *config, const char *pool, const char *name);

/* A part of such a template: text as it is, or the name of a field, which is not NUL-terminated. */
enum config_access_kind { CONFIG_ACCESS_TEXT, CONFIG_ACCESS_FIELD, CONFIG_ACCESS_WRONG };
struct config_access_part {
    const char *at;
    size_t length;
    enum config_access_kind kind;
};

/* Takes the first part of a template. Returns where the next one begins; at the end there is "". */
const char *config_access_next(const char *text, struct config_access_part *part);

/* What the daemon says about itself over HTTP. */
struct config_admin {
    struct config_address listen; /* NONE: nobody asks. A unix socket, a loopback address, or
                                     localhost */
    struct config_socket_file file;
};

struct origin;

struct config {
    enum config_log_level log_level;
    enum config_log_format log_format;
    int64_t shutdown_timeout_ms; /* how long open connections may go on after SIGTERM; 30 s */
    struct config_admin admin;
    struct config_address control; /* a unix socket; NONE: nobody controls it by one */
    struct config_service *services;
    size_t service_count;
    enum config_sandbox sandbox;
    struct config_strings sandbox_read, sandbox_write; /* absolute paths */
    struct config_strings sandbox_connect;             /* ports: see config_ports_parse */
    char *user, *group;                                /* to become after the start; NULL: none */
    /* The files and folders that it was read from, beside its own file. */
    struct config_strings sources;
    struct origin *origin; /* for messages about values; NULL: forgotten */
};

enum config_severity { CONFIG_ERROR, CONFIG_WARNING };

/* One message, in parts. Lines and columns count from 1, columns in characters; the position is the
 * key's where the key is wrong, else the value's. */
struct config_message {
    enum config_severity severity;
    char *file;            /* as messages show it */
    unsigned line, column; /* line 0: the file as a whole */
    char *key;             /* a JSON pointer such as "/services/0/listen"; NULL: none */
    char *text;            /* what is wrong, and the remedy */
    /* For sorting. */
    unsigned file_number;
    size_t order;
};

/* All that is wrong with a configuration, sorted by position, one finished line each:
 * `FILE:LINE:COLUMN: /json/path: what is wrong, and the remedy`. A text that is not JSON has one
 * error, without a path; a file that cannot be read has one without a position. Warnings do not
 * stop a load; they have `warning: ` before the path. The messages are the same in parts. */
struct config_report {
    struct config_strings errors;
    struct config_strings warnings;
    struct config_message *messages;
    size_t message_count;
    enum config_log_format log_format; /* of the file, if that could be read: for these messages */
};

/* Reads and checks FILE. Returns a configuration that the caller frees with config_free, or NULL
 * when the report has errors. The report is initialised here and freed by the caller in both
 * cases. Running out of memory is reported as the only error (a report without any error: there was
 * no memory even for that). */
struct config *config_load(const char *file, struct config_report *report);

/* The same for a text in memory; FILE is used in messages and to resolve relative paths.
 * The text need not end in NUL and may contain any bytes. */
struct config *config_parse(const char *file, const char *text, size_t length,
                            struct config_report *report);

/* As config_load, but also returns a configuration with errors, whose further values the caller
 * checks: what is wrong is as if it had not been written. Knows where its values are, until
 * config_forget_origin. NULL: nothing of it can be read. */
struct config *config_load_all(const char *file, struct config_report *report);
void config_forget_origin(struct config *config);

/* Adds a message about all of the configuration, or about a value of a service, to the place where
 * it belongs. KEY is a path such as "tls/certificate"; if that is not there, what it belongs to is
 * named. A second message about a value that is wrong is left out, and so is one for which there is
 * no memory. CONFIG is of config_load_all. */
__attribute__((format(printf, 4, 5))) void config_report_add(struct config_report *report,
                                                             enum config_severity severity,
                                                             const struct config *config,
                                                             const char *format, ...);
__attribute__((format(printf, 6, 7))) void config_report_add_at(struct config_report *report,
                                                                enum config_severity severity,
                                                                const struct config *config,
                                                                size_t service, const char *key,
                                                                const char *format, ...);

/* Is that value of a service written in the configuration? */
bool config_has_place(const struct config *config, size_t service, const char *key);

/* The keys outside of "services" whose values a running program cannot change, counted from 0, in
 * the order of the table; NULL: there are no more. Static strings. */
const char *config_fixed_key(size_t number);

/* What is written for a service, or for a key outside of "services", as a text that is another one
 * if anything in it is changed: its file, and its JSON with all variables replaced. "": nothing.
 * The caller frees it. NULL: out of memory. CONFIG still knows its origin. */
char *config_service_text(const struct config *config, size_t service);
char *config_key_text(const struct config *config, const char *key);

/* Puts TEXT, which the list takes, before the string of that number. False: out of memory. */
bool config_strings_insert(struct config_strings *strings, size_t at, char *text);

void config_free(struct config *config); /* NULL: does nothing */
void config_report_free(struct config_report *report);

/* A connection's settings with every default in place, as for an empty configuration. */
void config_connection_init(struct config_connection *connection);
/* A copy that owns nothing: all values but those of "tls", which are empty. */
struct config_connection config_connection_without_tls(const struct config_connection *connection);
void config_connection_free(struct config_connection *connection); /* what it holds, not itself */

/* The one that was written, or the one that holds where none was. */
enum config_client_auth config_client_auth(const struct config_tls *tls);

/* TLS with its own identity, trust (CAs, names, pins and revocation lists together) and client
 * authentication where OWN has them, and all else as in TLS. The result owns nothing. */
struct config_tls config_tls_with(const struct config_tls *tls, const struct config_tls *own);

/* A peer that may choose its role must not choose thereby whether it is authenticated. NULL, or
 * what is wrong with "client_auth" for connections that DIALER makes (a static string). */
const char *config_wrong_client_auth(const struct config_connection *connection,
                                     enum config_dialer dialer);

/* Do the values fit each other: does a role that can occur have its certificate and know whom to
 * trust? NULL, or what is wrong (a static string) and the key that it is about (NULL:
 * all of "tls"). */
const char *config_wrong_tls(const struct config_tls *tls, enum config_role role, const char **key);

/* Are sessions that leave the process sealed? NULL, or what is wrong with "sessions" (a static
 * string). */
const char *config_wrong_session_keys(const struct config_sessions *sessions, const char *key_file);

/* Parses a name as the "peer_names" key does: "name", "*.name" or "192.0.2.1", or one with its kind
 * before it: "dns:", "ip:", "uri:", "email:" or "cn:". Returns NULL, or what is wrong (a string
 * that lives for ever). On failure the name is empty. */
const char *config_peer_name_parse(const char *text, struct config_peer_name *name);
bool config_peer_names_copy(const struct config_peer_names *from, struct config_peer_names *to);
void config_peer_names_free(struct config_peer_names *names); /* what they hold, not themselves */

/* Parses "sha256:" and 64 hex digits. Returns NULL, or what is wrong (a static string). */
const char *config_pin_parse(const char *text, struct config_pin *pin);

/* A label of a DNS name: 1 to 63 letters, digits, "-" and "_", with no "-" at its ends. */
bool config_is_dns_label(const char *label, size_t length);

/* Parses "8080" or "8000-8999". False: it is neither. */
bool config_ports_parse(const char *text, uint16_t *first, uint16_t *last);

/* Parses an address as the "forward" and "dial" keys do. Returns NULL, or what is wrong (a string
 * that lives for ever). On failure the address is empty. */
const char *config_address_parse(const char *text, struct config_address *address);

/* The same for an address to listen on: also "host:FIRST-LAST", a range of ports. */
const char *config_address_parse_range(const char *text, struct config_address *address);

/* Is it a name in the abstract namespace of unix sockets? */
static inline bool config_address_is_abstract(const struct config_address *address)
{
    return address->kind == CONFIG_ADDRESS_UNIX && address->path[0] == '@';
}

/* How many sockets it is, before names are resolved: one, or one for each port of a range. */
static inline unsigned config_address_ports(const struct config_address *address)
{
    return address->last_port > 0 ? address->last_port - address->port + 1U : 1;
}

/* Parses the mode of a file, "0660". False: it is none. */
bool config_mode_parse(const char *text, unsigned *mode);
void config_address_free(struct config_address *address);

void config_source_free(struct config_source *source); /* what it holds, not itself */

/* A number, not a name: a place to dial from. */
bool config_address_is_ip(const struct config_address *address);

/* How many connections a service that dials by itself may have. */
static inline uint64_t config_dial_connections(const struct config_dial *dial)
{
    bool all = dial->persistent && dial->keep.collectors == CONFIG_COLLECTORS_ALL;
    return (dial->periodic ? 1 : dial->keep.max) * (all ? dial->address_count : 1);
}

/* Does the service dial by itself? */
static inline bool config_dial_is_kept(const struct config_dial *dial)
{
    return dial->persistent || dial->periodic;
}

/* Parses "off", "memory", "tickets", "file:PATH", "redis://HOST[:PORT][/DB]" or "redis:unix:PATH".
 * Returns NULL, or what is wrong (a static string). On failure it is empty. */
const char *config_sessions_parse(const char *text, struct config_sessions *sessions);
void config_sessions_free(struct config_sessions *sessions);

/* As config_address_parse, for a URL, whose port is 80 by default. The caller frees it with
 * config_http_url_free. */
const char *config_http_url_parse(const char *text, struct config_http_url *url);
void config_http_url_free(struct config_http_url *url);

/* Parses "http://HOST:PORT" or "socks5://HOST:PORT". Returns NULL, or what is wrong (a static
 * string). On failure it is empty. */
const char *config_proxy_parse(const char *text, struct config_proxy *proxy);
void config_proxy_free(struct config_proxy *proxy); /* what it holds, not itself */

/* Can a proxy be asked for a connection to this address? NULL, or why not (a static string). */
const char *config_proxy_wrong_target(const struct config_address *address);

/* The JSON Schema (draft-07) of the configuration: the text of config/actpass.schema.json. The
 * caller frees it. NULL: out of memory. */
char *config_schema(void);

#endif
