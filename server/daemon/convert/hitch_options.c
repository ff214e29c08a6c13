/* Every option of hitch.conf(5) of hitch 1.7 (Debian 12) and 1.8 (Debian 13). */
#include "server/daemon/convert/options.h"

#define SAME(option, key)                                    \
    {                                                        \
        .name = (option), .fate = OPTION_SAME, .ours = (key) \
    }
#define OTHER(option, key, why)                                                 \
    {                                                                           \
        .name = (option), .fate = OPTION_OTHER, .ours = (key), .remark = (why), \
        .said = OPTION_SAID_BY_CODE                                             \
    }
#define NEEDLESS(option, why)                                      \
    {                                                              \
        .name = (option), .fate = OPTION_NEEDLESS, .remark = (why) \
    }
#define LOST(option, value, key, why)                                                            \
    {                                                                                            \
        .name = (option), .fate = OPTION_LOST, .ours = (key), .remark = (why), .unless = (value) \
    }

#define DAEMON "actpass stays in the foreground, and systemd does the rest"
#define STDERR "The log goes to standard error, and under systemd to the journal"
#define BUFFERS "Buffers have fixed sizes"

const struct convert_option hitch_options[] = {
    SAME("alpn-protos", "`tls.alpn`"),
    SAME("backend", "`forward`"),
    SAME("backend-connect-timeout", "`connect_timeout`"),
    NEEDLESS("backend-refresh", "Names are resolved at each connection, in the background"),
    SAME("backlog", "`listen_options.backlog`"),
    SAME("cert", "`tls.certificate`"),
    {.name = "chroot",
     .fate = OPTION_OTHER,
     .ours = "`sandbox`",
     .remark = "The sandbox, which is on by default, takes its place"},
    SAME("ciphers", "`tls.ciphers`"),
    SAME("ciphersuites", "`tls.ciphersuites`"),
    OTHER("client", "`listen_plain` and `dial`",
          "hitch does not verify the server; write ca and peer_names"),
    SAME("client-verify", "`tls.client_auth`"),
    SAME("client-verify-ca", "`tls.ca`"),
    NEEDLESS("daemon", DAEMON),
    OTHER("ecdh-curve", "`tls.groups`", "auto is the default"),
    OTHER("frontend", "a service, `listen`", "Each frontend becomes a service"),
    SAME("group", "`group`"),
    SAME("host", "`listen`"),
    SAME("keepalive", "`keepalive.idle`"),
    LOST("log-filename", NULL, NULL,
         "The log goes to standard error, which systemd's StandardOutput= can append to a file"),
    OTHER("log-level", "`log.level`", "0 and 1 are error, 2 is info"),
    OTHER("match-global-certs", "`tls.certificates`",
          "The certificates outside of the frontend are listed in each service"),
    OTHER("ocsp-dir", "`tls.ocsp`: `staple`, `cache`", "An empty one turns stapling off"),
    NEEDLESS("ocsp-connect-tmo", "ocsp.timeout is for connection and answer together"),
    NEEDLESS("ocsp-refresh-interval", "The response is fetched again before it expires"),
    SAME("ocsp-resp-file", "`tls.ocsp_response`"),
    SAME("ocsp-resp-tmo", "`tls.ocsp.timeout`"),
    NEEDLESS("ocsp-verify-staple", "Responses are always verified"),
    OTHER("pem-dir", "`tls.certificates`",
          "It is one of certificates; certificate is for clients "
          "without a known name"),
    LOST("pem-dir-glob", NULL, "`tls.certificates`", "All certificates in the folder are taken"),
    OTHER("pem-file", "`tls.certificate`, `tls.certificates`",
          "The last one is certificate, for all names that the others do not have"),
    NEEDLESS("pidfile", "systemd knows the process"),
    SAME("port", "`listen`"),
    NEEDLESS("prefer-server-ciphers", "The server's order of ciphers always decides"),
    SAME("private-key", "`tls.key`"),
    LOST("proxy-authority", "off", NULL,
         "Whether the server name is in the header cannot be chosen: it is, with v2"),
    LOST("proxy-client-cert", "off", "`proxy_protocol`",
         "The certificate is not sent in a TLV of type 0xe0; see proxy_protocol"),
    OTHER("proxy-proxy", "`accept_proxy` and `proxy_protocol`",
          "Write \"accept_proxy\": {\"from\": [NETWORKS]}, whose headers are to be believed"),
    NEEDLESS("proxy-tlv", "A header of v2 always says what TLS has agreed on"),
    NEEDLESS("quiet", "See log.level"),
    NEEDLESS("recv-bufsize", BUFFERS),
    NEEDLESS("ring-data-len", BUFFERS),
    NEEDLESS("ring-slots", BUFFERS),
    NEEDLESS("send-bufsize", BUFFERS),
    SAME("sni-nomatch-abort", "`tls.unknown_server_name`: `refuse`"),
    OTHER("ssl", "`tls.min_version`", "TLS 1.2 is the oldest version"),
    LOST("ssl-engine", NULL, "`tls.key`: `store:URI`",
         "OpenSSL 3 has providers in place of engines, set up in openssl.cnf"),
    SAME("ssl-handshake-timeout", "`handshake_timeout`"),
    NEEDLESS("syslog", STDERR),
    NEEDLESS("syslog-facility", STDERR),
    SAME("tcp-fastopen", "`tcp_fast_open`"),
    OTHER("tls", "`tls.min_version`", "TLS 1.2 is the oldest version"),
    OTHER("tls-protos", "`tls.min_version`", "TLS 1.2 is the oldest, and TLS 1.3 is always on"),
    SAME("user", "`user`"),
    NEEDLESS("workers", "One process uses all processors"),
    LOST("write-ip", "off", "`proxy_protocol`",
         "The address is sent in a header of the PROXY protocol only"),
    SAME("write-proxy", "`proxy_protocol`: `v2`"),
    SAME("write-proxy-v1", "`proxy_protocol`: `v1`"),
    SAME("write-proxy-v2", "`proxy_protocol`: `v2`"),
    {0}};
