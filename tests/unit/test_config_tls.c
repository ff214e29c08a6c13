/* Certificates by server name, revocation, client authentication on demand, names by kind. */
#include "tests/unit/test_config.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static const struct bad_text bad_tls[] = {
    {"keys of more certificates open to all",
     TLS("'certificates': [{'server_names': ['a'], 'certificate': 'open.pem'},"
         "{'server_names': ['b'], 'certificate': 'open.pem', 'key': 'open.pem'}]"),
     "c.json:3:57: /services/0/tls/certificates/0/certificate: open.pem holds a private key, and "
     "everybody may read or write it: chmod 600 open.pem\n"
     "c.json:3:127: /services/0/tls/certificates/1/key: open.pem holds a private key, and "
     "everybody may read or write it: chmod 600 open.pem\n"},
    {"client_auth unknown", TLS("'client_auth': 'ondemand', 'ca': 'ca.pem'"),
     "c.json:3:16: /services/0/tls/client_auth: must be \"none\", \"request\", \"require\" or "
     "\"on_demand\"\n"},
    {"on_demand without ca", TLS("'client_auth': 'on_demand'"),
     "c.json:3:16: /services/0/tls/client_auth: needs somebody to vouch for the clients: add "
     "\"ca\", or \"peer_pins\"\n"},
    {"on_demand with names alone", TLS("'client_auth': 'on_demand', 'peer_names': ['a.example']"),
     "c.json:3:16: /services/0/tls/client_auth: needs somebody to vouch for the clients: add "
     "\"ca\", or \"peer_pins\"\n"},
    {"crl missing on disk", ASKED("'crl': 'none.pem'"),
     "c.json:3:8: /services/0/tls/crl: none.pem cannot be read: No such file or directory\n"},
    {"crl a folder", ASKED("'crl': 'folder'"),
     "c.json:3:8: /services/0/tls/crl: folder is a directory; a PEM file is expected\n"},
    {"crl a list", ASKED("'crl': ['ca.pem']"),
     "c.json:3:8: /services/0/tls/crl: must be a path in a string, not a list\n"},
    {"crl without ca",
     TLS("'client_auth': 'require', 'crl': 'ca.pem', 'peer_pins': "
         "['sha256:0123456789abcdefABCDEF01234567890123456789abcdefABCDEF0123456789']"),
     "c.json:3:27: /services/0/tls/crl: needs \"ca\" beside it, whose certificates it revokes\n"},
    {"crl beside insecure", TLS("'insecure_any_peer': true, 'crl': 'ca.pem'"),
     "c.json:3:28: /services/0/tls/crl: contradicts \"insecure_any_peer\": true, remove one of the "
     "two\n"},
    {"ocsp_response missing on disk", TLS("'ocsp_response': 'none.der'"),
     "c.json:3:18: /services/0/tls/ocsp_response: none.der cannot be read: No such file or "
     "directory\n"},
    {"ocsp_response a folder", TLS("'ocsp_response': 'folder'"),
     "c.json:3:18: /services/0/tls/ocsp_response: folder is a directory; a DER file is expected\n"},
    {"what a client does not send",
     QUOTED("{'services': [{'name': 'a', 'listen': '[::1]:1', 'role': 'client', 'echo': true,\n"
            "'tls': {'insecure_any_peer': true, 'ocsp_response': 'ca.pem', 'unknown_server_name': "
            "'default',\n"
            "'certificates': [{'server_names': ['a'], 'certificate': 'peer.pem'}]}}]}"),
     "c.json:2:36: /services/0/tls/ocsp_response: is for a TLS server, which this service never "
     "is, remove it\n"
     "c.json:2:63: /services/0/tls/unknown_server_name: is for a TLS server, which this service "
     "never is, remove it\n"
     "c.json:3:1: /services/0/tls/certificates: is for a TLS server, which this service never is, "
     "remove it\n"},
    {"certificates an object", TLS("'certificates': {'a.example': 'peer.pem'}"),
     "c.json:3:17: /services/0/tls/certificates: must be a list of objects, not an object\n"},
    {"certificates empty", TLS("'certificates': []"),
     "c.json:3:17: /services/0/tls/certificates: must not be empty\n"},
    {"certificates of strings", TLS("'certificates': ['peer.pem']"),
     "c.json:3:18: /services/0/tls/certificates/0: must be an object, not a string\n"},
    {"certificate without anything", TLS("'certificates': [{}]"),
     "c.json:3:18: /services/0/tls/certificates/0: \"server_names\" is missing\n"
     "c.json:3:18: /services/0/tls/certificates/0: \"certificate\" is missing\n"},
    {"certificate with a key of its service",
     TLS("'certificates': [{'server_names': ['a'], 'certificate': 'peer.pem', 'crl': 'ca.pem'}]"),
     "c.json:3:69: /services/0/tls/certificates/0/crl: unknown key here, it belongs one level "
     "up\n"},
    {"certificate with a misspelt key",
     TLS("'certificates': [{'server_name': ['a'], 'certificate': 'peer.pem'}]"),
     "c.json:3:19: /services/0/tls/certificates/0/server_name: unknown key, did you mean "
     "\"server_names\"?\n"},
    {"certificate for no name",
     TLS("'certificates': [{'server_names': [], 'certificate': 'peer.pem'}]"),
     "c.json:3:35: /services/0/tls/certificates/0/server_names: must not be empty\n"},
    {"certificate for one string",
     TLS("'certificates': [{'server_names': 'a.example', 'certificate': 'peer.pem'}]"),
     "c.json:3:35: /services/0/tls/certificates/0/server_names: must be a list of strings, not a "
     "string\n"},
    {"certificate for what is no name",
     TLS("'certificates': [{'server_names': ['192.0.2.1', 'a..b', 'a.*.b', '\\u00e4.example', "
         "'*'], 'certificate': 'peer.pem'}]"),
     "c.json:3:36: /services/0/tls/certificates/0/server_names/0: must be a DNS name; clients ask "
     "for no addresses\n"
     "c.json:3:49: /services/0/tls/certificates/0/server_names/1: must be a DNS name; clients ask "
     "for no addresses\n"
     "c.json:3:57: /services/0/tls/certificates/0/server_names/2: * may only stand for the whole "
     "leftmost label, as in \"*.example.org\"\n"
     "c.json:3:66: /services/0/tls/certificates/0/server_names/3: must be ASCII; write an "
     "international name in its xn-- form\n"
     "c.json:3:84: /services/0/tls/certificates/0/server_names/4: * may only stand for the whole "
     "leftmost label, as in \"*.example.org\"\n"},
    {"certificate for one name twice",
     TLS("'certificates': [{'server_names': ['a.example', 'b.example', 'A.EXAMPLE'], "
         "'certificate': 'peer.pem'},\n"
         "{'server_names': ['*.example', 'b.example', '*.b.example'], 'certificate': 'peer.pem'}]"),
     "c.json:3:62: /services/0/tls/certificates/0/server_names/2: another certificate has this "
     "name, see 3:36\n"
     "c.json:4:32: /services/0/tls/certificates/1/server_names/1: another certificate has this "
     "name, see 3:49\n"},
    {"certificate missing on disk",
     TLS("'certificates': [{'server_names': ['a'], 'certificate': 'none.pem', 'key': 'peer.pem'}, "
         "{'server_names': ['b'], 'certificate': 'none.pem'}]"),
     "c.json:3:57: /services/0/tls/certificates/0/certificate: none.pem cannot be read: No such "
     "file or directory\n"
     "c.json:3:128: /services/0/tls/certificates/1/certificate: none.pem cannot be read: No such "
     "file or directory\n"},
    {"certificate's key missing on disk",
     TLS("'certificates': [{'server_names': ['a'], 'certificate': 'peer.pem', 'key': 'none.pem'}]"),
     "c.json:3:76: /services/0/tls/certificates/0/key: none.pem cannot be read: No such file or "
     "directory\n"},
    {"certificate's key a folder",
     TLS("'certificates': [{'server_names': ['a'], 'certificate': 'peer.pem', 'key': 'folder'}]"),
     "c.json:3:76: /services/0/tls/certificates/0/key: folder is a directory; a PEM file is "
     "expected\n"},
    {"unknown_server_name unknown", TLS("'unknown_server_name': 'reject'"),
     "c.json:3:24: /services/0/tls/unknown_server_name: must be \"default\" or \"refuse\"\n"},
    {"unknown_server_name without certificates", TLS("'unknown_server_name': 'refuse'"),
     "c.json:3:24: /services/0/tls/unknown_server_name: needs \"certificates\" with the names that "
     "are known\n"},
    {"peer name of an unknown kind", ASKED("'peer_names': ['dn:a', 'DNS:a.example', 'mailto:a@b']"),
     "c.json:3:16: /services/0/tls/peer_names/0: must be a DNS name, an IP address, or a name with "
     "its kind before it: dns:, ip:, uri:, email: or cn:\n"
     "c.json:3:24: /services/0/tls/peer_names/1: must be a DNS name, an IP address, or a name with "
     "its kind before it: dns:, ip:, uri:, email: or cn:\n"
     "c.json:3:41: /services/0/tls/peer_names/2: must be a DNS name, an IP address, or a name with "
     "its kind before it: dns:, ip:, uri:, email: or cn:\n"},
    {"peer name of kind dns",
     ASKED("'peer_names': ['dns:', 'dns:a..b', 'dns:192.0.2.1', 'dns:a.*.b', "
           "'dns:\\u00e4.example', 'dns:*']"),
     "c.json:3:16: /services/0/tls/peer_names/0: dns: must be followed by a DNS name\n"
     "c.json:3:24: /services/0/tls/peer_names/1: dns: must be followed by a DNS name\n"
     "c.json:3:36: /services/0/tls/peer_names/2: dns: must be followed by a DNS name\n"
     "c.json:3:53: /services/0/tls/peer_names/3: * may only stand for the whole leftmost label, as "
     "in \"*.example.org\"\n"
     "c.json:3:66: /services/0/tls/peer_names/4: must be ASCII; write an international name in its "
     "xn-- form\n"
     "c.json:3:88: /services/0/tls/peer_names/5: * may only stand for the whole leftmost label, as "
     "in \"*.example.org\"\n"},
    {"peer name of kind ip",
     ASKED(
         "'peer_names': ['ip:', 'ip:a.example', 'ip:192.0.2.256', 'ip:[::1]', 'ip:192.0.2.0/24']"),
     "c.json:3:16: /services/0/tls/peer_names/0: ip: must be followed by an IP address\n"
     "c.json:3:23: /services/0/tls/peer_names/1: ip: must be followed by an IP address\n"
     "c.json:3:39: /services/0/tls/peer_names/2: ip: must be followed by an IP address\n"
     "c.json:3:57: /services/0/tls/peer_names/3: an IPv6 address is written without brackets here\n"
     "c.json:3:69: /services/0/tls/peer_names/4: ip: must be followed by an IP address\n"},
    {"peer name of kind email",
     ASKED(
         "'peer_names': ['email:', 'email:a', 'email:@b.example', 'email:a@', "
         "'email:a@b@c.example', 'email:a b@c.example',\n"
         "'email:a@b..c', 'email:a@192.0.2.1', 'email:<a@b.example>', 'email:\\u00e4@b.example']"),
     "c.json:3:16: /services/0/tls/peer_names/0: email: must be followed by an e-mail address, as "
     "in \"email:peer@example.org\"\n"
     "c.json:3:26: /services/0/tls/peer_names/1: email: must be followed by an e-mail address, as "
     "in \"email:peer@example.org\"\n"
     "c.json:3:37: /services/0/tls/peer_names/2: email: must be followed by an e-mail address, as "
     "in \"email:peer@example.org\"\n"
     "c.json:3:57: /services/0/tls/peer_names/3: email: must be followed by an e-mail address, as "
     "in \"email:peer@example.org\"\n"
     "c.json:3:69: /services/0/tls/peer_names/4: email: must be followed by an e-mail address, as "
     "in \"email:peer@example.org\"\n"
     "c.json:3:92: /services/0/tls/peer_names/5: email: must be followed by an e-mail address, as "
     "in \"email:peer@example.org\"\n"
     "c.json:4:1: /services/0/tls/peer_names/6: email: must be followed by an e-mail address, as "
     "in \"email:peer@example.org\"\n"
     "c.json:4:17: /services/0/tls/peer_names/7: email: must be followed by an e-mail address, as "
     "in \"email:peer@example.org\"\n"
     "c.json:4:38: /services/0/tls/peer_names/8: email: must be followed by an e-mail address, as "
     "in \"email:peer@example.org\"\n"
     "c.json:4:61: /services/0/tls/peer_names/9: email: must be followed by an e-mail address, as "
     "in \"email:peer@example.org\"\n"},
    {"peer name of kind email, overlong",
     ASKED("'peer_names': "
           "['email:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b.example', "
           "'email:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b.example']"),
     "c.json:3:100: /services/0/tls/peer_names/1: email: must be followed by an e-mail address, as "
     "in \"email:peer@example.org\"\n"},
    {"peer name of kind cn",
     ASKED("'peer_names': ['cn:', "
           "'cn:nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn']"),
     "c.json:3:16: /services/0/tls/peer_names/0: cn: must be followed by a common name of 1 to 64 "
     "characters\n"
     "c.json:3:23: /services/0/tls/peer_names/1: cn: must be followed by a common name of 1 to 64 "
     "characters\n"}};

TEST_BAD_TEXTS(config_tls, bad_tls, bad_tls)

/* ---- Good ones ---------------------------------------------------------------------------- */

#define MANY                                                                           \
    "{'services': [{'name': 'a', 'listen': '[::1]:1', 'role': 'server', 'echo': {},"   \
    "'tls': {'certificate': 'peer.pem', 'client_auth': 'on_demand', 'ca': 'ca.pem',"   \
    "'crl': 'ca.pem', 'ocsp_response': './ca.pem', 'unknown_server_name': 'refuse',"   \
    "'certificates': [{'server_names': ['a.example', '*.a.example'],"                  \
    "'certificate': 'peer.pem'}, {'server_names': ['b.example'], 'key': './peer.pem'," \
    "'certificate': 'open.pem'}]}}]}"

Test(config_tls, every_new_key, .init = folder_enter, .fini = folder_leave)
{
    struct config *config = parse_good(MANY);
    const struct config_tls *tls = &config->services[0].connection.tls;
    cr_assert_eq(tls->client_auth, CONFIG_CLIENT_AUTH_ON_DEMAND);
    cr_assert_str_eq(tls->crl, "ca.pem");
    cr_assert_str_eq(tls->ocsp_response, "./ca.pem");
    cr_assert_eq(tls->unknown_server_name, CONFIG_UNKNOWN_NAME_REFUSE);
    cr_assert_eq(tls->certificate_count, 2);
    cr_assert_eq(tls->certificates[0].server_names.count, 2);
    cr_assert_str_eq(tls->certificates[0].server_names.items[0], "a.example");
    cr_assert_str_eq(tls->certificates[0].server_names.items[1], "*.a.example");
    cr_assert_str_eq(tls->certificates[0].certificate, "peer.pem");
    cr_assert_str_eq(tls->certificates[0].key, "peer.pem", "the key's file is the certificate's");
    cr_assert_eq(tls->certificates[1].server_names.count, 1);
    cr_assert_str_eq(tls->certificates[1].certificate, "open.pem");
    cr_assert_str_eq(tls->certificates[1].key, "./peer.pem");
    config_free(config);
}

Test(config_tls, defaults, .init = folder_enter, .fini = folder_leave)
{
    struct config *config =
        parse_good("{'services': [{'name': 'a', 'listen': '[::1]:1', 'role': 'server',"
                   "'echo': {}, 'tls': {'certificate': 'peer.pem'}}]}");
    const struct config_tls *tls = &config->services[0].connection.tls;
    cr_assert_null(tls->crl);
    cr_assert_null(tls->ocsp_response);
    cr_assert_null(tls->certificates);
    cr_assert_eq(tls->certificate_count, 0);
    cr_assert_eq(tls->unknown_server_name, CONFIG_UNKNOWN_NAME_DEFAULT);
    config_free(config);
}

Test(config_tls, peer_names_keep_their_kinds, .init = folder_enter, .fini = folder_leave)
{
    static const struct config_peer_name names[] = {
        {CONFIG_NAME_DNS, .text = "a.example"},
        {CONFIG_NAME_DNS_BELOW, .text = "a.example"},
        {CONFIG_NAME_IP, .text = "192.0.2.1"},
        {CONFIG_NAME_IP, .text = "2001:db8::1"},
        {CONFIG_NAME_URI, .text = "spiffe://a/b"},
        {CONFIG_NAME_EMAIL, .text = "a.b+c@d.example"},
        {CONFIG_NAME_COMMON, .text = "A name: any, 1"},
        {CONFIG_NAME_COMMON, .text = "\xc3\xa4\xc3\xb6"},
        {CONFIG_NAME_DNS, .text = "a.example"}};
    struct config *config =
        parse_good("{'services': [{'name': 'a', 'listen': '[::1]:1', 'role': 'client', 'echo': {},"
                   "'tls': {'ca': 'ca.pem', 'peer_names': ['dns:a.example', 'dns:*.a.example', "
                   "'ip:192.0.2.1', 'ip:2001:db8::1', 'uri:spiffe://a/b', 'email:a.b+c@d.example', "
                   "'cn:A name: any, 1', 'cn:\xc3\xa4\xc3\xb6', 'a.example']}}]}");
    const struct config_peer_names *found = &config->services[0].connection.tls.peer_names;
    cr_assert_eq(found->count, COUNT(names));
    for (size_t i = 0; i < COUNT(names); i++) {
        cr_assert_eq(found->items[i].kind, names[i].kind, "%zu", i);
        cr_assert_str_eq(found->items[i].text, names[i].text);
    }
    cr_assert_eq(found->items[2].address_size, 4);
    cr_assert_arr_eq(found->items[2].address, "\300\0\2\1", 4);
    cr_assert_eq(found->items[3].address_size, 16);
    cr_assert_arr_eq(found->items[3].address, "\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    config_free(config);
}

Test(config_tls, longest_common_name, .init = folder_enter, .fini = folder_leave)
{
    char text[512] = "{'services': [{'name': 'a', 'listen': '[::1]:1', 'role': 'client', "
                     "'echo': {}, 'tls': {'ca': 'ca.pem', 'peer_names': ['cn:";
    for (size_t i = 0; i < 64; i++)
        strcat(text, "\xc3\xa4"); /* characters count, not bytes */
    strcat(text, "']}}]}");
    config_free(parse_good(text));
}

Test(config_tls, warnings, .init = folder_enter, .fini = folder_leave)
{
    static const struct {
        const char *tls, *warnings;
    } rows[] = {
        {"'ca': 'ca.pem', 'client_auth': 'on_demand'",
         "c.json:2:32: /services/0/tls/client_auth: no client is asked for a certificate: nothing "
         "but \"http\" with \"protected\" demands one\n"},
        {"'ca': 'ca.pem', 'crl': 'ca.pem'",
         "c.json:2:7: /services/0/tls/ca: has no effect: with \"client_auth\": \"none\" no client "
         "is asked for a certificate\n"
         "c.json:2:24: /services/0/tls/crl: has no effect: with \"client_auth\": \"none\" no "
         "client is asked for a certificate\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config_report report;
        char text[512];
        (void)snprintf(text, sizeof(text),
                       "{'services': [{'name': 'a', 'listen': '[::1]:1', 'role': 'server', 'echo': "
                       "{}, 'tls': {'certificate': 'peer.pem',\n%s}}]}",
                       rows[i].tls);
        quote(text, strlen(text));
        struct config *config = config_parse("c.json", text, strlen(text), &report);
        char *warnings = join(&report.warnings);
        cr_assert_not_null(config, "%s", rows[i].tls);
        cr_assert_str_eq(warnings, rows[i].warnings, "%s", warnings);
        free(warnings);
        config_free(config);
        config_report_free(&report);
    }
}
