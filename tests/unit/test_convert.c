/* What the converter makes of other programs' configurations, a line at a time. */
#include "server/daemon/convert/convert.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT "[a]\nclient = yes\naccept = 1\nconnect = h.example:2\n"
#define SERVER "[a]\naccept = 1\nconnect = 2\ncert = c.pem\n"

struct done {
    char *text; /* our configuration, or NULL */
    char *said;
    size_t said_size, lost;
};

static void convert(enum convert_format format, const char *text, struct done *done)
{
    struct convert_input input = {
        .format = format, .file = "f", .text = text, .length = strlen(text)};
    *done = (struct done){0};
    FILE *said = open_memstream(&done->said, &done->said_size);
    cr_assert_not_null(said);
    done->text = convert_text(&input, DRAFT_NO_FILES, said, &done->lost);
    cr_assert_eq(fclose(said), 0);
}

static void done_free(struct done *done)
{
    free(done->text);
    free(done->said);
}

struct row {
    const char *text;
    const char *holds; /* part of our configuration, or of what is said where there is none */
    size_t lost;
};

static void check_rows(enum convert_format format, const struct row *rows, bool fails)
{
    struct done done;
    for (; rows->text; rows++) {
        convert(format, rows->text, &done);
        cr_assert_eq(!done.text, fails, "%s: %s", rows->text, done.said);
        const char *found = strstr(fails ? done.said : done.text, rows->holds);
        cr_assert_not_null(found, "%s\ngave %s%s", rows->text, fails ? "" : done.text, done.said);
        cr_assert_eq(done.lost, rows->lost, "%s: lost %zu: %s", rows->text, done.lost, done.said);
        done_free(&done);
    }
}

Test(convert, a_section_of_stunnel_is_a_service)
{
    struct done done;
    convert(CONVERT_STUNNEL,
            "\xef\xbb\xbf; comment\n\npid = /p\n[imaps]\r\naccept=993\r\n  connect = 143\r\n"
            "CERT = c.pem\r\nTIMEOUTidle = 90\r\n",
            &done);
    cr_assert_str_eq(done.text, "{\n"
                                "    // f:3: pid = /p: not needed: systemd knows the process\n"
                                "    \"services\": [\n"
                                "        {\n"
                                "            \"name\": \"imaps\",\n"
                                "            \"listen\": \"0.0.0.0:993\",\n"
                                "            \"role\": \"server\",\n"
                                "            \"idle_timeout\": \"90s\",\n"
                                "            \"tls\": {\n"
                                "                \"certificate\": \"c.pem\"\n"
                                "            },\n"
                                "            \"forward\": \"127.0.0.1:143\"\n"
                                "        }\n"
                                "    ]\n"
                                "}\n");
    cr_assert_str_eq(done.said, "");
    done_free(&done);
}

Test(convert, options_of_stunnel)
{
    static const struct row rows[] = {
        {CLIENT, "\"insecure_any_peer\": true", 0},
        {CLIENT, "\"server_name\": \"h.example\"", 0},
        {CLIENT "sni =\n", "\"dial\": \"h.example:2\"", 0},
        {CLIENT "verifyChain = yes\nCAfile = ca\n", "\"peer_names\": [\"dns:h.example\"]", 0},
        {CLIENT "verify = 2\nCAfile = ca\ncheckHost = x\ncheckIP = ::1\n",
         "\"peer_names\": [\"dns:x\", \"ip:::1\"]", 0},
        {CLIENT "verifyChain = yes\nCApath = /etc/ssl/certs/\n", "\"ca\": \"system\"", 0},
        {CLIENT "verifyChain = yes\nCApath = /x\n", "LOST: ca is one PEM file", 1},
        {CLIENT "connect = i.example:3\n", "\"dial\": [\"h.example:2\", \"i.example:3\"]", 0},
        {CLIENT "protocol = connect\nprotocolHost = t.example:443\n", "\"dial\": \"t.example:443\"",
         0},
        {CLIENT "protocol = connect\nprotocolHost = t.example:443\n",
         "\"dial_through\": \"http://h.example:2\"", 0},
        {CLIENT "protocol = smtp\n", "\"starttls\": \"smtp\"", 0},
        {CLIENT "protocol = ldap\n", "\"starttls\": \"ldap\"", 0},
        {CLIENT "local = 192.0.2.1\n", "\"dial_source\": \"192.0.2.1\"", 0},
        {CLIENT "cert = ${env:X}\n", "\"certificate\": \"$${env:X}\"", 0},
        {CLIENT "cert = pkcs11:token=t;object=o\n", "\"key\": \"store:pkcs11:token=t;object=o\"",
         1},
        {"engine = pkcs11\n" CLIENT "engineId = pkcs11\ncert = c\nkey = pkcs11:object=o\n",
         "\"key\": \"store:pkcs11:object=o\"", 0},
        {CLIENT "engineId = pkcs11\ncert = pkcs11:object=o\n", "\"key\": \"store:pkcs11:object=o\"",
         1},
        {"engine = capi\n" CLIENT "cert = c\n", "f:1: engine = capi: LOST: engines are not", 1},
        {CLIENT "engineId = capi\n",
         ":5: engineId = capi: LOST: the certificate store of Windows is not available here: "
         "export",
         1},
        {CLIENT "engineNum = 1\ncert = c\nkey = id_45\n",
         "engineNum = 1: LOST: engines are not loaded: set up a provider", 1},
        {"engineId = x\n" CLIENT "cert = c\n", "f:1: engineId = x: LOST", 1},
        {SERVER "[b]\nsni = a:x.example\nengineId = x\nconnect = 4\n", ":7: engineId = x: LOST", 1},
        {SERVER, "\"idle_timeout\": \"12h\"", 0},
        {SERVER "connect = /run/s\nfailover = rr\n", "\"unix:/run/s\"", 0},
        {SERVER "connect = /run/s\nfailover = rr\n", "\"balance\": \"round_robin\"", 0},
        {SERVER "verifyChain = yes\nCAfile = ca\nCRLfile = r\n", "\"crl\": \"r\"", 0},
        {SERVER "verifyChain = yes\nCAfile = ca\n", "\"client_auth\": \"require\"", 0},
        {SERVER "verifyChain = yes\nrequireCert = no\nCAfile = ca\n",
         "\"client_auth\": \"request\"", 0},
        {SERVER "verify = 1\nCAfile = ca\n", "\"client_auth\": \"request\"", 0},
        {SERVER "CAfile = ca\n", "not needed: without verifyChain or verifyPeer", 0},
        {SERVER "sslVersion = TLSv1.3\n", "\"min_version\": \"1.3\"", 0},
        {SERVER "sslVersionMax = TLSv1.2\n", "LOST: TLS 1.3 is always on", 1},
        {SERVER "sslVersionMin = TLSv1\n", "converted: TLS 1.2 is the oldest", 0},
        {SERVER "options = NO_TLSv1.2\n", "\"min_version\": \"1.3\"", 0},
        {SERVER "config = CipherString:A:B\n", "\"ciphers\": \"A:B\"", 0},
        {SERVER "securityLevel = 3\nciphers = A\n", "\"ciphers\": \"A:@SECLEVEL=3\"", 0},
        {SERVER "curves = P-256\nsessionResume = no\n", "\"sessions\": \"off\"", 0},
        {SERVER "protocol = proxy\n", "\"proxy_protocol\": \"v1\"", 0},
        {"[a]\naccept = 1\ncert = c\nprotocol = socks\n", "\"protocols\": [\"socks5\", \"socks4\"]",
         0},
        {SERVER "protocol = socks\n",
         ":3: connect = 2: LOST: with protocol = socks the client says where to connect to", 1},
        {SERVER "protocol = socks\nexec = /bin/p\n", "exec = /bin/p: LOST: with protocol = socks",
         2},
        {SERVER "exec = /bin/p\n", "exec = /bin/p: LOST: connect takes the connections", 1},
        {CLIENT "exec = /bin/p\n", "exec = /bin/p: LOST: connect takes the connections", 1},
        {SERVER "protocol = pgsql\n", "\"starttls\": \"postgresql\"", 0},
        {SERVER "redirect = 3\nverifyPeer = yes\nCAfile = ca\n", "\"forward\": \"127.0.0.1:3\"", 0},
        {SERVER "redirect = 0\nverifyPeer = yes\nCAfile = ca\n", "\"refuse\": true", 0},
        {SERVER "redirect = 3\nverifyChain = yes\nCAfile = ca\n", "redirect = 3: LOST", 1},
        {SERVER "verifyChain = yes\nCAfile = ca\nOCSP = http://o/\n", "\"peers\": \"hard\"", 0},
        {SERVER "verifyChain = yes\nCAfile = ca\nOCSPaia = yes\nOCSPrequire = no\n",
         "\"peers\": \"soft\"", 0},
        {SERVER "verifyPeer = yes\nCAfile = ca\nOCSPaia = yes\n", "OCSPaia = yes: LOST", 1},
        {SERVER "requireCert = yes\n", "\"insecure_any_peer\": true", 0},
        {SERVER "accept = :::1\n", "\"listen\": [\"0.0.0.0:1\", \"[::]:1\"]", 0},
        {SERVER "transparent = source\nlocal = 192.0.2.1\n", "\"transparent\": true", 0},
        {SERVER "socket = l:TCP_KEEPIDLE=30\nsocket = l:TCP_NODELAY=1\n", "\"idle\": \"30s\"", 0},
        {SERVER "socket = l:SO_LINGER=1:60\n", "SO_LINGER=1:60: LOST", 1},
        {SERVER "ticketKeySecret = abcdef\n", "ticketKeySecret = (secret): LOST", 1},
        {SERVER "[b]\naccept = 3\ncert = c\nPSKsecrets = s\nconnect = 4\n", "[b] was left out", 1},
        {SERVER "[a]\naccept = 3\ncert = c\nconnect = 4\n", "\"name\": \"a-2\"", 0},
        {SERVER "[b]\nsni = a:x.example\ncert = d\nconnect = 4\n",
         "\"server_name\": [\"x.example\"]", 0},
        {"accept = /run/u\ncert = c\n[a b]\nexec = /bin/p\nexecArgs = p -x  y\npty = yes\n",
         "\"command\": [\"/bin/p\", \"-x\", \"y\"]", 0},
        {"debug = local0.7\n" SERVER, "\"level\": \"debug\"", 0},
        {"debug = 4\n" SERVER, "\"level\": \"warning\"", 0},
        {"setuid = u\nsetgid = g\nfips = no\n" SERVER, "\"group\": \"g\"", 0},
        {"exec = /bin/p\ncert = c\n", "\"name\": \"inetd\"", 0},
        {"[v]\nclient = yes\nconnect = h.example:1\nexec = /bin/p\nretry = yes\n",
         "\"persistent\": true", 0},
        {0}};
    check_rows(CONVERT_STUNNEL, rows, false);
}

Test(convert, wrong_stunnel)
{
    static const struct row rows[] = {
        {"x\n", "f:1: expected NAME = VALUE", 0},
        {"[x\n", "f:1: expected [NAME]", 0},
        {SERVER "clint = no\n", "f:5: clint: unknown option, did you mean \"client\"?", 0},
        {SERVER "client = maybe\n", "f:5: client: expected yes or no", 0},
        {"[a]\naccept = 1\n", "f:1: [a]: neither connect nor exec is there", 0},
        {"[a]\nconnect = 1\n", "f:1: [a]: accept is missing", 0},
        {"[a]\naccept = x:y:z\nconnect = 2\n", "f:2: accept: expected a port", 0},
        {SERVER "verify = 5\n", "f:5: verify: expected a level", 0},
        {SERVER "sslVersion = 2\n", "f:5: sslVersion: unknown version 2", 0},
        {SERVER "TIMEOUTidle = soon\n", "f:5: TIMEOUTidle: expected a number of seconds", 0},
        {SERVER "[b]\nsni = c:x\nconnect = 1\n", "sni: there is no such service", 0},
        {SERVER "[b]\nsni = a:x\n", "[b]: neither connect nor exec is there", 0},
        {SERVER "ciphers = \x01\n", "f:5: expected UTF-8 text", 0},
        {SERVER "ciphers = \xff\n", "f:5: expected UTF-8 text", 0},
        {"include = /x\n", "f:1: the folder cannot be included here", 0},
        {"", "there is no service", 0},
        {0}};
    check_rows(CONVERT_STUNNEL, rows, true);
}

#define PEM "pem-file = \"p.pem\"\n"

Test(convert, options_of_hitch)
{
    static const struct row rows[] = {
        {PEM, "\"forward\": \"127.0.0.1:8000\"", 0},
        {PEM, "\"listen\": [\"0.0.0.0:8443\", \"[::]:8443\"]", 0},
        {PEM "frontend = \"[127.0.0.1]:443\" # here\n", "\"listen\": \"127.0.0.1:443\"", 0},
        {PEM "frontend = {\n host = \"::1\"\n port = \"443\"\n}\n", "\"listen\": \"[::1]:443\"", 0},
        {PEM "frontend = \"[1.2.3.4]:1+q.pem\"\n", "\"certificate\": \"q.pem\"", 0},
        {PEM "pem-file = \"q.pem\"\n", "\"certificates\": [\"p.pem\"]", 0},
        {PEM "pem-file = \"q.pem\"\n", "\"certificate\": \"q.pem\"", 0},
        {"pem-file = { cert = \"p\"\nprivate-key = \"k\"\nocsp-resp-file = \"o\" }\n",
         "\"ocsp_response\": \"o\"", 0},
        {PEM "backend = \"/run/s\"\nwrite-proxy-v2 = on\n", "\"proxy_protocol\": \"v2\"", 0},
        {PEM "alpn-protos = \"h2, http/1.1\"\n", "\"alpn\": [\"h2\", \"http/1.1\"]", 0},
        {PEM "tls-protos = TLSv1.3\nworkers = 4\n", "\"min_version\": \"1.3\"", 0},
        {PEM "tls-protos = TLSv1.1 TLSv1.2\n", "LOST: TLS 1.3 is always on", 1},
        {PEM "client-verify = required\nclient-verify-ca = \"ca\"\n",
         "\"client_auth\": \"require\"", 0},
        {PEM "keepalive = 60\nbacklog = 10\n", "\"backlog\": 10", 0},
        {PEM "ocsp-dir = \"/o\"\nocsp-resp-tmo = 4.5\n", "\"timeout\": \"4s\"", 0},
        {PEM "write-ip = on\n", "write-ip = on: LOST", 1},
        {PEM "proxy-proxy = on\n", "LOST: Write \"accept_proxy\"", 1},
        {PEM "log-level = 2\nuser = \"u\"\n", "\"level\": \"info\"", 0},
        {0}};
    check_rows(CONVERT_HITCH, rows, false);
}

Test(convert, wrong_hitch)
{
    static const struct row rows[] = {{PEM "x\n", "f:2: expected NAME = VALUE", 0},
                                      {"backend = \"x\n", "f:1: the text in quotes", 0},
                                      {"frontend = {\nhost = \"a\"\n", "f:3: expected }", 0},
                                      {PEM "}\n", "f:2: expected no }", 0},
                                      {PEM "bakend = \"x\"\n", "did you mean \"backend\"?", 0},
                                      {PEM "backend = \"x\"\n", "f:2: backend: expected", 0},
                                      {PEM "client = on\n", "cannot be converted", 0},
                                      {0}};
    check_rows(CONVERT_HITCH, rows, true);
}

/* ARGUMENTS ends with NULL. */
static void convert_arguments(char **arguments, struct done *done)
{
    struct convert_input input = {
        .format = CONVERT_GHOSTUNNEL, .file = "ghostunnel", .arguments = arguments};
    while (arguments[input.argument_count])
        input.argument_count++;
    *done = (struct done){0};
    FILE *said = open_memstream(&done->said, &done->said_size);
    cr_assert_not_null(said);
    done->text = convert_text(&input, DRAFT_NO_FILES, said, &done->lost);
    cr_assert_eq(fclose(said), 0);
}

#define LISTEN "--listen", "localhost:1", "--target", "s.example:2", "--keystore=k.pem"

Test(convert, flags_of_ghostunnel)
{
    static const struct {
        const char *arguments[12], *holds;
        size_t lost;
    } rows[] = {
        {{"server", LISTEN, "--allow-cn", "c"}, "\"peer_names\": [\"cn:c\"]", 0},
        {{"server", LISTEN, "--allow-all"}, "\"client_auth\": \"require\"", 0},
        {{"server", LISTEN, "--allow-all"}, "\"ca\": \"system\"", 0},
        {{"server", LISTEN, "--disable-authentication"}, "\"client_auth\": \"none\"", 0},
        {{"server", LISTEN, "--allow-ou=x", "--allow-dns=d"}, "\"dns:d\"", 1},
        {{"server", LISTEN, "--allow-all", "--proxy-protocol"}, "\"proxy_protocol\": \"v2\"", 0},
        {{"server", LISTEN, "--allow-all", "--connect-timeout=1m30s"}, "\"90s\"", 0},
        {{"client", LISTEN}, "\"listen_plain\": \"localhost:1\"", 0},
        {{"client", LISTEN}, "\"peer_names\": [\"dns:s.example\"]", 0},
        {{"client", LISTEN, "--override-server-name=o.example"}, "\"dns:o.example\"", 0},
        {{"client", LISTEN, "--proxy", "socks5://p:1"}, "\"dial_through\": \"socks5://p:1\"", 0},
        {{"client", LISTEN, "--status=localhost:6060"}, "\"listen\": \"localhost:6060\"", 0},
        {{"client", LISTEN, "--storepass=geheim"}, "storepass = (secret): LOST", 1}};
    struct done done;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        convert_arguments((char **)rows[i].arguments, &done);
        cr_assert_not_null(done.text, "row %zu: %s", i, done.said);
        cr_assert_not_null(strstr(done.text, rows[i].holds), "row %zu: %s", i, done.text);
        cr_assert_null(strstr(done.text, "geheim"));
        cr_assert_eq(done.lost, rows[i].lost, "row %zu: %s", i, done.said);
        done_free(&done);
    }
}

Test(convert, wrong_flags)
{
    static const struct {
        const char *arguments[12], *says;
    } rows[] = {{{"--listen", "x:1"}, "expected server or client"},
                {{"server", "x"}, "expected server or client, and flags"},
                {{"server", "client"}, "expected server or client, and flags"},
                {{"server", "--listen"}, "--listen needs a value"},
                {{"server", "--lisen", "x:1"}, "did you mean \"listen\"?"},
                {{"server", LISTEN}, "one of --allow-all"},
                {{"server", LISTEN, "--allow-ou=x"}, "--allow-ou has no counterpart"},
                {{"client", "--listen=systemd:x", "--target=a:1"}, "write the address"},
                {{"client", LISTEN, "--connect-timeout=soon"}, "expected a duration"}};
    struct done done;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        convert_arguments((char **)rows[i].arguments, &done);
        cr_assert_null(done.text);
        cr_assert_not_null(strstr(done.said, rows[i].says), "row %zu: %s", i, done.said);
        done_free(&done);
    }
}
