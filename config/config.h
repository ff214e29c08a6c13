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
    CONFIG_CLIENT_AUTH_REQUIRE
};
enum config_tls_version { CONFIG_TLS_1_2, CONFIG_TLS_1_3 };
enum config_log_level { CONFIG_LOG_ERROR, CONFIG_LOG_WARNING, CONFIG_LOG_INFO, CONFIG_LOG_DEBUG };
enum config_log_format { CONFIG_LOG_LOGFMT, CONFIG_LOG_JSON };
enum config_address_kind { CONFIG_ADDRESS_NONE, CONFIG_ADDRESS_TCP, CONFIG_ADDRESS_UNIX };
enum config_conversation_kind {
    CONFIG_CONVERSATION_NONE,
    CONFIG_CONVERSATION_FORWARD,
    CONFIG_CONVERSATION_ECHO
};

/* A list of strings; NULL items when count is 0. */
struct config_strings {
    char **items;
    size_t count;
};

/* "host:port", "[v6]:port" or "unix:/path". The text is as the user wrote it, for messages. */
struct config_address {
    enum config_address_kind kind;
    char *text;
    char *host; /* TCP: without brackets */
    uint16_t port;
    char *path; /* unix: absolute, or made relative to the configuration file's folder */
};

struct config_tls {
    char *certificate; /* PEM chain; paths are already relative to the configuration's folder */
    char *key;
    char *ca;       /* PEM file, or NULL */
    bool ca_system; /* "ca": "system" */
    enum config_client_auth client_auth;
    struct config_strings peer_names; /* "name", "*.name", "192.0.2.1", "uri:..." and so on */
    struct config_strings peer_pins;  /* SHA-256 of the SPKI: "sha256:" and 64 hex digits */
    char *server_name;                /* SNI sent when we are client */
    enum config_tls_version min_version;
    char *ciphers;      /* TLS 1.2, OpenSSL's cipher list syntax */
    char *ciphersuites; /* TLS 1.3 */
    struct config_strings alpn;
    bool insecure_any_peer; /* accept any peer, in both roles */
};

/* What one connection needs to know, whoever opened it. Durations in milliseconds, or
 * CONFIG_NEVER. */
struct config_connection {
    enum config_role role;
    enum config_transport transport;
    int64_t initial_data_timeout_ms; /* how long the peer may stay silent; default 5 s */
    int64_t handshake_timeout_ms;    /* from the first byte or the verdict; default 10 s */
    int64_t idle_timeout_ms;         /* nothing read and nothing written; default never */
    int64_t write_timeout_ms;        /* output that makes no progress; default 60 s */
    int64_t close_timeout_ms;        /* from our close_notify to the peer's end; default 5 s */
    struct config_tls tls;
};

struct config_conversation {
    enum config_conversation_kind kind;
    struct config_address forward;
};

struct config_service {
    char *name;
    struct config_address listen;
    uint64_t max_connections; /* default 10000 */
    struct config_connection connection;
    /* One conversation for both roles, or one for each; both members are always filled in,
     * and kind is CONFIG_CONVERSATION_NONE only for a role that cannot occur. */
    struct config_conversation as_server;
    struct config_conversation as_client;
};

struct config {
    enum config_log_level log_level;
    enum config_log_format log_format;
    int64_t shutdown_timeout_ms; /* how long open connections may go on after SIGTERM; 30 s */
    struct config_service *services;
    size_t service_count;
};

/* All that is wrong with a text, one finished line each, sorted by position:
 * `FILE:LINE:COLUMN: /json/path: what is wrong, and the remedy`. Lines and columns count from 1, columns in
 * characters; the position is the key's where the key is wrong, else the value's. A text that is
 * no JSON has one error, without a path; a file that cannot be read has one without a position.
 * Warnings do not stop a load. */
struct config_report {
    struct config_strings errors;
    struct config_strings warnings;
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

void config_free(struct config *config); /* NULL is fine */
void config_report_free(struct config_report *report);

/* A connection's settings with every default in place, as if nothing had been configured. */
void config_connection_init(struct config_connection *connection);
void config_connection_free(struct config_connection *connection); /* what it holds, not itself */

/* Parses an address as the "listen" and "forward" keys do. Returns NULL, or what is wrong (a
 * string that lives for ever). On failure the address is empty. */
const char *config_address_parse(const char *text, struct config_address *address);
void config_address_free(struct config_address *address);

/* The JSON Schema (draft-07) of the configuration, as shipped in config/actpass.schema.json. */
const char *config_schema(void);

#endif
