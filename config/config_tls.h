/* What a connection, and TLS on it, needs to know. Part of config.h. */
#ifndef ACTPASS_CONFIG_CONFIG_TLS_H
#define ACTPASS_CONFIG_CONFIG_TLS_H

#include "config/config_address.h"
#include "config/config_names.h"

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

/* Parses "off", "memory", "tickets", "file:PATH", "redis://HOST[:PORT][/DB]" or "redis:unix:PATH".
 * Returns NULL, or what is wrong (a static string). On failure it is empty. */
const char *config_sessions_parse(const char *text, struct config_sessions *sessions);
void config_sessions_free(struct config_sessions *sessions);

#endif
