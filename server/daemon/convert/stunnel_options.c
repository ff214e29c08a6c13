/* Every option of the manual of stunnel 5.68 (Debian 12) and 5.74 (Debian 13). */
#include "server/daemon/convert/option_rows.h"

#define NEEDLESS_BUT(option, value, key, why)                                      \
    {                                                                              \
        .name = (option), .fate = OPTION_NEEDLESS, .ours = (key), .remark = (why), \
        .unless = (value)                                                          \
    }
#define LOST_SECRET(option, key, why)                                          \
    {                                                                          \
        .name = (option), .fate = OPTION_LOST, .ours = (key), .remark = (why), \
        .said = OPTION_SAID_BY_CODE, .secret = true                            \
    }
#define REFUSED(option, key, why)                                                 \
    {                                                                             \
        .name = (option), .fate = OPTION_REFUSED, .ours = (key), .remark = (why), \
        .said = OPTION_SAID_BY_CODE                                               \
    }

#define WINDOWS "It is for Windows"
#define RANDOM "OpenSSL takes random numbers from the kernel"
#define ENGINE "OpenSSL 3 has providers in place of engines, set up in openssl.cnf"
#define ENGINE_KEY                                                                                 \
    "The key is converted where it is a URI, pkcs11:...; other engines, such as capi of Windows, " \
    "are lost"
#define HASHED "ca is one PEM file: make it with cat FOLDER/*.pem"
#define OCSP_FLAGS "Answers are always verified in full"
#define MEMORY "The number of sessions in memory is not set: it follows max_connections"
#define TICKET_KEYS                                                                             \
    "Write \"sessions\": \"tickets\", and \"session_key_file\" with one key of 64 hex digits, " \
    "which encrypts and authenticates; tickets of stunnel cannot be opened"
#define NAMED_PEERS "A network in limits.allow or limits.deny does what TCP wrappers did by address"
#define SECRET_FILE "The password is in a file: dial_through_auth, with user:password"

const struct convert_option stunnel_options[] = {
    /* Global options. */
    {.name = "chroot",
     .fate = OPTION_OTHER,
     .ours = "`sandbox`",
     .remark = "The sandbox, which is on by default, takes its place; put the folder before the "
               "paths of CApath, CRLpath and exec"},
    NEEDLESS("compression", "TLS has no compression any more (CRIME)"),
    OTHER("debug", "`log.level`", "There are four levels, and no facilities"),
    NEEDLESS("EGD", RANDOM),
    OTHER("engine", "`tls.key`: `store:URI`", "pkcs11 alone is converted; " ENGINE),
    {.name = "engineCtrl",
     .fate = OPTION_LOST,
     .ours = "`tls.key_passphrase_file`",
     .remark = "The module of a token is set up in openssl.cnf (pkcs11-provider), its PIN is in "
               "the file of key_passphrase_file",
     .secret = true},
    LOST("engineDefault", NULL, NULL, ENGINE),
    LOST("fips", "no", NULL, "FIPS is set up in openssl.cnf, for all programs"),
    NEEDLESS("foreground", "actpass stays in the foreground, and systemd does the rest"),
    NEEDLESS("iconActive", WINDOWS),
    NEEDLESS("iconError", WINDOWS),
    NEEDLESS("iconIdle", WINDOWS),
    NEEDLESS_BUT("log", "append", NULL, "The log goes to standard error"),
    LOST("output", NULL, NULL,
         "The log goes to standard error, which systemd's StandardOutput= can append to a file"),
    NEEDLESS("pid", "systemd knows the process"),
    NEEDLESS("RNDbytes", RANDOM),
    NEEDLESS("RNDfile", RANDOM),
    NEEDLESS("RNDoverwrite", RANDOM),
    NEEDLESS("service", "The log has the name of each service"),
    NEEDLESS_BUT("syslog", "no", "`log.format`: `journald`",
                 "The log goes to standard error, and under systemd to the journal"),
    NEEDLESS("taskbar", WINDOWS),
    /* Options of services. */
    SAME("accept", "`listen`, or `listen_plain` with `client = yes`"),
    LOST("CAengine", NULL, "`tls.ca`", "Certificates of CAs are in a PEM file"),
    OTHER("CApath", "`tls.ca`", HASHED "; /etc/ssl/certs is \"system\""),
    OTHER("CAfile", "`tls.ca`, `tls.peer_pins`",
          "Without verifyChain or verifyPeer stunnel does not use it"),
    OTHER("cert", "`tls.certificate`", "It is PEM, which openssl pkcs12 makes of PKCS#12"),
    SAME("checkEmail", "`tls.peer_names`: `email:`"),
    OTHER("checkHost", "`tls.peer_names`: `dns:`",
          "Names are those of the subjectAltName; a common name is written cn:NAME"),
    SAME("checkIP", "`tls.peer_names`: `ip:`"),
    SAME("ciphers", "`tls.ciphers`"),
    SAME("ciphersuites", "`tls.ciphersuites`"),
    SAME("client", "`listen_plain` and `dial`, in place of `listen` and `forward`"),
    OTHER("config", "`tls.ciphers`, `tls.ciphersuites`, `tls.groups`, `tls.min_version`",
          "Only CipherString, Ciphersuites, Curves, Groups and MinProtocol have a counterpart"),
    SAME("connect", "`forward`, or `dial` with `client = yes`"),
    LOST("CRLpath", NULL, "`tls.crl`", "crl is one PEM file: make it with cat FOLDER/*.r0"),
    SAME("CRLfile", "`tls.crl`"),
    SAME("curves", "`tls.groups`"),
    SAME("curve", "`tls.groups`"),
    NEEDLESS("logId", "Each line of the log has the number of its connection"),
    NEEDLESS("delay", "Names are resolved at each connection, in the background"),
    OTHER("engineId", "`tls.key`: `store:URI`", ENGINE_KEY),
    OTHER("engineNum", "`tls.key`: `store:URI`", ENGINE_KEY),
    OTHER("exec", "`exec.command`", "Its first word is always the path of the program"),
    OTHER("execArgs", "`exec.command`", "Its first word, the name, is left out"),
    OTHER("failover", "`balance`",
          "With dial the first address that answers is taken, in the order of the list"),
    LOST("ident", NULL, NULL, "Peers are known by their certificates, not by IDENT"),
    SAME("include", "`include`: all is converted into one file"),
    SAME("key", "`tls.key`"),
    LOST("libwrap", "no", "`limits.allow`, `limits.deny`", NAMED_PEERS),
    OTHER("local", "`source`, `dial_source`", "It is an address, not a name"),
    OTHER("OCSP", "`tls.ocsp`: `responder`, `peers`: `hard`",
          "The responder is reached over http; a stapled response is used, too"),
    OTHER("OCSPaia", "`tls.ocsp.peers`: `hard`",
          "Without OCSP, the responder that the certificate names is asked"),
    LOST("OCSPflag", NULL, NULL, OCSP_FLAGS),
    LOST("OCSPnonce", "no", NULL, "There is no nonce; a response is valid as long as it says"),
    OTHER("OCSPrequire", "`tls.ocsp.peers`: `hard`, or `soft` with `no`",
          "It goes with OCSP and OCSPaia"),
    OTHER(
        "options", "`tls.min_version`, `tls.sessions`",
        "Workarounds for old peers, and choices that OpenSSL's programs leave to OpenSSL, have no "
        "counterpart"),
    OTHER("protocol", "`starttls`, `proxy_protocol`, `dial_through`, `proxy`",
          "cifs, capwin, capwinctrl, nntp and, in a client, socks have no counterpart"),
    LOST("protocolAuthentication", "basic", NULL, "A proxy is asked with Basic authentication"),
    LOST("protocolDomain", NULL, NULL, "There is no NTLM"),
    LOST("protocolHeader", NULL, NULL, "Nothing more is said to a proxy"),
    OTHER("protocolHost", "`dial`", "With smtp, the name in our EHLO cannot be set"),
    LOST_SECRET("protocolPassword", "`dial_through_auth`", SECRET_FILE),
    {.name = "protocolUsername",
     .fate = OPTION_LOST,
     .ours = "`dial_through_auth`",
     .remark = SECRET_FILE,
     .said = OPTION_SAID_BY_CODE},
    REFUSED("PSKidentity", NULL, "Peers are known by certificates and public keys, not by PSK"),
    REFUSED("PSKsecrets", NULL, "Peers are known by certificates and public keys, not by PSK"),
    OTHER("pty", "`exec.pty`", "It goes with exec"),
    OTHER("redirect", "`routes`: `peer_pin`",
          "With verifyPeer alone; with verifyChain a client that is not accepted is refused"),
    NEEDLESS("renegotiation", "A renegotiation that a client begins is refused"),
    NEEDLESS("reset", "A connection that was cut is reset"),
    OTHER("retry", "`persistent`, `retry`", "It goes with connect and exec"),
    OTHER("securityLevel", "`tls.ciphers`: `@SECLEVEL=n`",
          "It is part of the cipher list, and at least what openssl.cnf says"),
    OTHER("requireCert", "`tls.client_auth`", "It goes with verifyChain and verifyPeer"),
    OTHER("setgid", "`group`, `listen_options.group`", "It goes with setuid"),
    OTHER("setuid", "`user`, `listen_options.owner`", "It goes with setgid"),
    NEEDLESS("sessionCacheSize", MEMORY),
    OTHER("sessionCacheTimeout", "`tls.session_timeout`", "At most 24 hours"),
    OTHER("sessionResume", "`tls.sessions`: `off`", "no is off"),
    LOST("sessiond", NULL, "`tls.sessions`: `redis://`",
         "Several hosts share their sessions in a Redis"),
    OTHER("sni", "`routes`: `server_name`; `tls.server_name`",
          "In routes \"*.\" stands for one label"),
    OTHER("socket", "`keepalive`, `source.device`", "Other options of sockets cannot be set"),
    OTHER("sslVersion", "`tls.min_version`", "TLS 1.2 is the oldest, and TLS 1.3 is always on"),
    OTHER("sslVersionMax", NULL, "TLS 1.3 is always on"),
    OTHER("sslVersionMin", "`tls.min_version`", "TLS 1.2 is the oldest version"),
    NEEDLESS("stack", "A connection has no thread of its own"),
    LOST_SECRET("ticketKeySecret", "`tls.session_key_file`", TICKET_KEYS),
    LOST_SECRET("ticketMacSecret", "`tls.session_key_file`", TICKET_KEYS),
    SAME("TIMEOUTbusy", "`handshake_timeout`"),
    SAME("TIMEOUTclose", "`close_timeout`"),
    SAME("TIMEOUTconnect", "`connect_timeout`"),
    SAME("TIMEOUTidle", "`idle_timeout`"),
    OTHER("TIMEOUTocsp", "`tls.ocsp.timeout`", "It goes with OCSP; at most a minute"),
    OTHER(
        "transparent", "`source.transparent`",
        "destination and both have no counterpart: a service has the addresses in dial or forward"),
    OTHER("verify", "`tls.ca`, `tls.peer_pins`, `tls.client_auth`",
          "As verifyChain and verifyPeer; a server's certificate must have a name of peer_names"),
    OTHER("verifyChain", "`tls.ca`, `tls.client_auth`",
          "A server's certificate must have a name of peer_names"),
    OTHER("verifyPeer", "`tls.peer_pins`, `tls.client_auth`",
          "The public keys in CAfile are pinned, so that a new certificate for the same key is "
          "accepted"),
    {0}};
