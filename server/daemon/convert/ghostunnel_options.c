/* The flags of ghostunnel 1.8. */
#include "server/daemon/convert/option_rows.h"

#define OTHER_ALWAYS(option, key, why)                                         \
    {                                                                          \
        .name = (option), .fate = OPTION_OTHER, .ours = (key), .remark = (why) \
    }
#define SAME_FLAG(option, key)                                             \
    {                                                                      \
        .name = (option), .fate = OPTION_SAME, .ours = (key), .flag = true \
    }
#define BY_CODE(option, its_fate, key, why)                                   \
    {                                                                         \
        .name = (option), .fate = (its_fate), .ours = (key), .remark = (why), \
        .said = OPTION_SAID_BY_CODE                                           \
    }
#define NEEDLESS_FLAG(option, why)                                               \
    {                                                                            \
        .name = (option), .fate = OPTION_NEEDLESS, .remark = (why), .flag = true \
    }
#define LOST_FLAG(option, key, why)                                                         \
    {                                                                                       \
        .name = (option), .fate = OPTION_LOST, .ours = (key), .remark = (why), .flag = true \
    }

#define METRICS "Metrics are fetched (Prometheus), not sent: admin"
#define ACME "Certificates are files, which an ACME client such as certbot renews"
#define SPIFFE "Certificates are files, such as those that spiffe-helper writes"
#define OU "Peers are known by dns:, ip:, uri:, email: and cn: names, not by an organizational unit"
#define POLICY "There is no policy language; see peer_names, peer_pins and routes"
#define TOKEN "A provider for OpenSSL, such as pkcs11-provider, is set up in openssl.cnf"

const struct convert_option ghostunnel_options[] = {
    SAME("listen", "`listen`, or `listen_plain` of a client"),
    SAME("target", "`forward`, or `dial` of a client"),
    LOST("target-status", NULL, NULL, "Backends are not asked for their health"),
    SAME_FLAG("proxy-protocol", "`proxy_protocol`: `v2`"),
    NEEDLESS_FLAG("unsafe-target", "Any address may be a backend"),
    NEEDLESS_FLAG("unsafe-listen", "Any address may be listened on"),
    SAME_FLAG("allow-all", "`tls.client_auth`: `require`, without `peer_names`"),
    SAME("allow-cn", "`tls.peer_names`: `cn:`"),
    BY_CODE("allow-ou", OPTION_LOST, NULL, OU),
    SAME("allow-dns", "`tls.peer_names`: `dns:`"),
    SAME("allow-dns-san", "`tls.peer_names`: `dns:`"),
    SAME("allow-ip", "`tls.peer_names`: `ip:`"),
    SAME("allow-ip-san", "`tls.peer_names`: `ip:`"),
    BY_CODE("allow-uri", OPTION_OTHER, "`tls.peer_names`: `uri:`",
            "There are no wildcards in URIs"),
    BY_CODE("allow-uri-san", OPTION_OTHER, "`tls.peer_names`: `uri:`",
            "There are no wildcards in URIs"),
    BY_CODE("allow-policy", OPTION_LOST, NULL, POLICY),
    BY_CODE("allow-query", OPTION_LOST, NULL, POLICY),
    SAME_FLAG("disable-authentication", "`tls.client_auth`: `none`, or no `tls.certificate`"),
    BY_CODE("override-server-name", OPTION_SAME, "`tls.server_name`, `tls.peer_names`", NULL),
    SAME("proxy", "`dial_through`"),
    SAME("connect-proxy", "`dial_through`"),
    SAME("verify-cn", "`tls.peer_names`: `cn:`"),
    BY_CODE("verify-ou", OPTION_LOST, NULL, OU),
    SAME("verify-dns", "`tls.peer_names`: `dns:`"),
    SAME("verify-dns-san", "`tls.peer_names`: `dns:`"),
    SAME("verify-ip", "`tls.peer_names`: `ip:`"),
    SAME("verify-ip-san", "`tls.peer_names`: `ip:`"),
    BY_CODE("verify-uri", OPTION_OTHER, "`tls.peer_names`: `uri:`",
            "There are no wildcards in URIs"),
    BY_CODE("verify-uri-san", OPTION_OTHER, "`tls.peer_names`: `uri:`",
            "There are no wildcards in URIs"),
    BY_CODE("verify-policy", OPTION_LOST, NULL, POLICY),
    BY_CODE("verify-query", OPTION_LOST, NULL, POLICY),
    BY_CODE("keystore", OPTION_OTHER, "`tls.certificate`",
            "It is PEM, which openssl pkcs12 -nodes makes of PKCS#12"),
    SAME("cert", "`tls.certificate`"),
    SAME("key", "`tls.key`"),
    {.name = "storepass",
     .fate = OPTION_LOST,
     .ours = "`tls.key_passphrase_file`",
     .remark = "The passphrase is in a file",
     .secret = true},
    SAME("cacert", "`tls.ca`; without it `system`"),
    LOST_FLAG("use-workload-api", NULL, SPIFFE),
    LOST("use-workload-api-addr", NULL, NULL, SPIFFE),
    LOST("auto-acme-cert", NULL, NULL, ACME),
    NEEDLESS("auto-acme-email", ACME),
    NEEDLESS_FLAG("auto-acme-agree-to-tos", ACME),
    NEEDLESS("auto-acme-ca", ACME),
    NEEDLESS("auto-acme-testca", ACME),
    OTHER_ALWAYS("cipher-suites", "`tls.ciphers`, `tls.ciphersuites`",
                 "AES-GCM and ChaCha20 are the default here, too"),
    NEEDLESS_FLAG("allow-unsafe-cipher-suites", "See ciphers"),
    BY_CODE("max-tls-version", OPTION_LOST, NULL, "TLS 1.3 is always on"),
    NEEDLESS("timed-reload", "Files of certificates are watched, and loaded when they change"),
    SAME("shutdown-timeout", "`shutdown_timeout`"),
    SAME("connect-timeout", "`connect_timeout`, `handshake_timeout`"),
    OTHER_ALWAYS("close-timeout", "`close_timeout`",
                 "It counts from our close; a half-closed connection may go on"),
    LOST("max-conn-lifetime", NULL, NULL,
         "A connection ends when it is idle (idle_timeout), or by "
         "on_reload"),
    SAME("max-concurrent-conns", "`max_connections`"),
    LOST("metrics-graphite", NULL, "`admin`", METRICS),
    LOST("metrics-url", NULL, "`admin`", METRICS),
    NEEDLESS("metrics-prefix", METRICS),
    NEEDLESS("metrics-interval", METRICS),
    OTHER_ALWAYS("status", "`admin.listen`",
                 "The paths are /status, /metrics, /healthz and /readyz"),
    LOST_FLAG("enable-pprof", NULL, "There is no profiler inside"),
    LOST_FLAG("enable-shutdown", NULL, "SIGTERM or systemctl stop ends it"),
    OTHER_ALWAYS("quiet", "`log.level`", "The levels are error, warning, info and debug"),
    NEEDLESS_FLAG("syslog", "The log goes to standard error, and under systemd to the journal"),
    NEEDLESS_FLAG("eventlog", "It is for Windows"),
    LOST("keychain-identity", NULL, NULL, "It is for macOS and Windows"),
    LOST("keychain-issuer", NULL, NULL, "It is for macOS and Windows"),
    LOST_FLAG("keychain-require-token", NULL, "It is for macOS"),
    LOST("pkcs11-module", NULL, "`tls.key`: `store:pkcs11:`", TOKEN),
    LOST("pkcs11-token-label", NULL, "`tls.key`: `store:pkcs11:token=`", TOKEN),
    {.name = "pkcs11-pin",
     .fate = OPTION_LOST,
     .ours = "`tls.key_passphrase_file`",
     .remark = "The PIN is in a file",
     .secret = true},
    NEEDLESS_FLAG("use-landlock", "The sandbox is on by default"),
    {0}};
