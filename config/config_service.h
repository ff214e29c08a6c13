/* A service: where its connections come from, and what becomes of them. Part of config.h. */
#ifndef ACTPASS_CONFIG_CONFIG_SERVICE_H
#define ACTPASS_CONFIG_CONFIG_SERVICE_H

#include "config/config_address.h"
#include "config/config_handler.h"
#include "config/config_names.h"
#include "config/config_tls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONFIG_MAX_CONNECTIONS_DEFAULT = 10000 };

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

/* Does it connect to other collectors, whom the registry names? Then its handler is no other. */
static inline bool config_shares(const struct config_service *service)
{
    return service->share.pool;
}

/* The handlers of a service, by number: of its roles as TLS server and as TLS client, then of its
 * routes. NULL: there are no more. */
const struct config_handler *config_handler_at(const struct config_service *service, size_t number);

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

/* A part of such a template: text as it is, or the name of a field, which is not NUL-terminated. */
enum config_access_kind { CONFIG_ACCESS_TEXT, CONFIG_ACCESS_FIELD, CONFIG_ACCESS_WRONG };
struct config_access_part {
    const char *at;
    size_t length;
    enum config_access_kind kind;
};

/* Takes the first part of a template. Returns where the next one begins; at the end there is "". */
const char *config_access_next(const char *text, struct config_access_part *part);

#endif
