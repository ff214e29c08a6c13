/* Addresses, networks and proxies. Part of config.h. */
#ifndef ACTPASS_CONFIG_CONFIG_ADDRESS_H
#define ACTPASS_CONFIG_CONFIG_ADDRESS_H

#include "config/config_names.h"
#include "config/error_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum config_address_kind { CONFIG_ADDRESS_NONE, CONFIG_ADDRESS_TCP, CONFIG_ADDRESS_UNIX };

enum { CONFIG_LISTEN_MAX = 64 }; /* addresses of one service */

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

/* What a proxy may connect to. */
enum config_target_kind {
    CONFIG_TARGET_ANY,     /* "*" */
    CONFIG_TARGET_NETWORK, /* the address that is dialed is in it */
    CONFIG_TARGET_NAME,    /* the name that was asked for */
    CONFIG_TARGET_BELOW    /* "*.": one below that, at any depth */
};
enum { CONFIG_TARGET_PORTS_MAX = 8, CONFIG_TARGET_TEXT_MAX = 400 };
struct config_ports {
    uint16_t first, last;
};
struct config_target {
    enum config_target_kind kind;
    struct config_network network; /* NETWORK */
    char name[254];                /* NAME, BELOW: in small letters, without "*." */
    struct config_ports ports[CONFIG_TARGET_PORTS_MAX];
    size_t port_count; /* 0: any port */
};

/* Parses such a text. False with the error, to be put behind the key's name. */
bool config_target_parse(const char *text, struct config_target *target, struct error_text *error);

bool config_target_has_port(const struct config_target *target, uint16_t port);

/* Does it allow this name? Never so for a network. */
bool config_target_has_name(const struct config_target *target, const char *name);

/* Is one of the addresses of this kind? */
bool config_listen_has(const struct config_listen *listen, enum config_address_kind kind);

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

/* Are they written in the same way? */
bool config_source_is_same(const struct config_source *one, const struct config_source *other);

/* A number, not a name: a place to dial from. */
bool config_address_is_ip(const struct config_address *address);

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

#endif
