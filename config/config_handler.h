/* What becomes of a connection after its handshake. Part of config.h. */
#ifndef ACTPASS_CONFIG_CONFIG_HANDLER_H
#define ACTPASS_CONFIG_CONFIG_HANDLER_H

#include "config/config_address.h"
#include "config/config_names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum config_handler_kind {
    CONFIG_HANDLER_NONE,
    CONFIG_HANDLER_FORWARD,
    CONFIG_HANDLER_ECHO,
    CONFIG_HANDLER_HTTP,
    CONFIG_HANDLER_OFFER,
    CONFIG_HANDLER_REACH,
    CONFIG_HANDLER_REFUSE,
    CONFIG_HANDLER_EXEC,
    CONFIG_HANDLER_PROXY,
    CONFIG_HANDLER_COUNT /* not a kind */
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

/* A proxy inside TLS: the peer says where to connect to. */
struct config_proxying {
    struct config_strings allow;     /* at least one; each is one for config_target_parse */
    struct config_strings protocols; /* "socks5", "socks4", "connect"; empty: all */
    int64_t connect_timeout_ms;
    struct config_source source;
};

struct config_handler {
    enum config_handler_kind kind;
    struct config_backends forward; /* FORWARD */
    struct config_http http;        /* HTTP */
    struct config_offer offer;      /* OFFER */
    struct config_reach reach;      /* REACH */
    struct config_exec exec;        /* EXEC */
    struct config_proxying proxy;   /* PROXY */
};

#endif
