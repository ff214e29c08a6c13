#include "config/foreign.h"

#include <ctype.h>

#define SERVICE(name, key)               \
    {                                    \
        name, &service_object, key, NULL \
    }
#define TLS(name, key)               \
    {                                \
        name, &tls_object, key, NULL \
    }
#define TLS_BUT(name, key, advice)     \
    {                                  \
        name, &tls_object, key, advice \
    }
#define NOTHING(name, advice)    \
    {                            \
        name, NULL, NULL, advice \
    }

#define FORWARD_OR_DIAL \
    "To encrypt local connections (client = yes in stunnel), write \"listen_plain\" and \"dial\""
#define CLIENTS "The certificate of a server that we connect to is always verified"
#define ONE_FILE "It is one PEM file: cat the certificates of the folder into one"
#define TOP "It belongs to the top level, beside \"services\""
#define NO_DAEMON "actpass does not go into the background: let systemd do it"
#define IN_A_FILE "The passphrase itself stands in a file of its own, which only actpass can read"

/* In small letters, with _ for -. */
static const struct foreign_key foreign_keys[] = {
    SERVICE("accept", "listen"),
    SERVICE("bind", "listen"),
    SERVICE("frontend", "listen"),
    SERVICE("address", "listen"),
    SERVICE("port", "listen"),
    {"connect", &service_object, "forward", FORWARD_OR_DIAL},
    SERVICE("access_log", "log_access"),
    SERVICE("backend", "forward"),
    SERVICE("default_backend", "forward"),
    SERVICE("server", "forward"),
    SERVICE("target", "forward"),
    SERVICE("upstream", "forward"),
    SERVICE("proxy_pass", "forward"),
    {"client", &service_object, "role",
     "To encrypt local connections, write \"listen_plain\" and \"dial\", whose role is client "
     "anyway"},
    SERVICE("maxconn", "max_connections"),
    SERVICE("worker_connections", "max_connections"),
    {"max_connections_per_address", NULL, "per_address", "It belongs under \"limits\""},
    {"backlog", NULL, "backlog", "It belongs under \"listen_options\""},
    {"reuseport", NULL, "reuse_port", "It belongs under \"listen_options\""},
    {"ipv6only", NULL, "v6only", "It belongs under \"listen_options\""},
    {"transparent", NULL, "transparent", "It belongs under \"source\""},
    {"proxy_bind", NULL, "source", "It goes with \"forward\""},
    {"limit_conn", NULL, "per_address", "It belongs under \"limits\""},
    {"limit_req", NULL, "rate_per_address", "It belongs under \"limits\""},
    SERVICE("timeout", "idle_timeout"),
    SERVICE("timeoutidle", "idle_timeout"),
    SERVICE("timeout_client", "idle_timeout"),
    SERVICE("timeoutclose", "close_timeout"),
    SERVICE("timeoutconnect", "connect_timeout"),
    SERVICE("timeout_connect", "connect_timeout"),
    SERVICE("timeoutbusy", "handshake_timeout"),
    SERVICE("local", "dial_from"),
    SERVICE("proxy", "dial_through"),
    SERVICE("http_proxy", "dial_through"),
    SERVICE("socks_proxy", "dial_through"),
    SERVICE("ssl", "tls"),
    TLS("cert", "certificate"),
    TLS("crt", "certificate"),
    TLS("pem", "certificate"),
    TLS("pem_file", "certificate"),
    TLS("cert_file", "certificate"),
    TLS("certfile", "certificate"),
    TLS("ssl_certificate", "certificate"),
    TLS("fullchain", "certificate"),
    TLS("keyfile", "key"),
    TLS("key_file", "key"),
    TLS("private_key", "key"),
    TLS("privkey", "key"),
    TLS("ssl_certificate_key", "key"),
    TLS("cafile", "ca"),
    TLS("ca_file", "ca"),
    TLS("cacert", "ca"),
    TLS("client_ca", "ca"),
    TLS("ssl_client_certificate", "ca"),
    TLS("ssl_trusted_certificate", "ca"),
    TLS_BUT("capath", "ca", ONE_FILE),
    TLS_BUT("ca_path", "ca", ONE_FILE),
    TLS_BUT("verify", "client_auth", CLIENTS),
    TLS_BUT("verifychain", "client_auth", CLIENTS),
    TLS_BUT("verifypeer", "client_auth", CLIENTS),
    TLS_BUT("verify_client", "client_auth", CLIENTS),
    TLS_BUT("ssl_verify_client", "client_auth", CLIENTS),
    TLS("verify_host", "peer_names"),
    TLS("verifyhost", "peer_names"),
    TLS("checkhost", "peer_names"),
    TLS("allow_cn", "peer_names"),
    TLS_BUT("sni", "server_name",
            "Where we are TLS server, \"certificates\" has a certificate for each of its "
            "\"server_names\""),
    {"server_names", NULL, "server_names", "It belongs into an entry of \"certificates\""},
    TLS("ssl_protocols", "min_version"),
    TLS("sslversion", "min_version"),
    TLS("sslversionmin", "min_version"),
    TLS("ssl_min_ver", "min_version"),
    TLS("tls_version", "min_version"),
    TLS("ssl_ciphers", "ciphers"),
    TLS("ssl_ecdh_curve", "groups"),
    TLS("curve", "groups"),
    TLS("curves", "groups"),
    TLS("crl_file", "crl"),
    TLS("crlfile", "crl"),
    TLS("ssl_crl", "crl"),
    TLS("ssl_stapling_file", "ocsp_response"),
    TLS("alpn_protos", "alpn"),
    TLS("session_cache", "sessions"),
    TLS("ssl_session_cache", "sessions"),
    TLS("ssl_session_timeout", "session_timeout"),
    {"debug", NULL, "level", "It belongs under \"log\", beside \"services\""},
    {"log_level", NULL, "level", "It belongs under \"log\", beside \"services\""},
    {"log_format", NULL, "format", "It belongs under \"log\", beside \"services\""},
    {"setuid", NULL, "user", TOP},
    {"setgid", NULL, "group", TOP},
    {"uid", NULL, "user", TOP},
    {"gid", NULL, "group", TOP},
    NOTHING("chroot", "The sandbox does more, see \"sandbox\""),
    NOTHING("daemon", NO_DAEMON),
    NOTHING("foreground", NO_DAEMON),
    NOTHING("pid", NO_DAEMON),
    NOTHING("pidfile", NO_DAEMON),
    TLS_BUT("passphrase", "key_passphrase_file", IN_A_FILE),
    TLS_BUT("key_password", "key_passphrase_file", IN_A_FILE),
    TLS("ssl_password_file", "key_passphrase_file"),
    NOTHING("output", "The log goes to standard error"),
    NOTHING("logfile", "The log goes to standard error"),
    {NULL, NULL, NULL, NULL}};

static int fold(char letter)
{
    return letter == '-' ? '_' : tolower((unsigned char)letter);
}

static bool is_same(const char *written, const char *name)
{
    while (*name && fold(*written) == *name) {
        written++;
        name++;
    }
    return *written == *name;
}

const struct foreign_key *foreign_find(const char *name)
{
    for (const struct foreign_key *found = foreign_keys; found->name; found++)
        if (is_same(name, found->name))
            return found;
    return NULL;
}
