/* Certificates by server name, revocation, client authentication on demand, names by kind. */
#include "tests/unit/test_config.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

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
         "c.json:2:32: warning: /services/0/tls/client_auth: no client is asked for a certificate: "
         "nothing "
         "but \"http\" with \"protected\" demands one\n"},
        {"'ca': 'ca.pem', 'crl': 'ca.pem'", "c.json:2:7: warning: /services/0/tls/ca: has no "
                                            "effect: with \"client_auth\": \"none\" no client "
                                            "is asked for a certificate\n"
                                            "c.json:2:24: warning: /services/0/tls/crl: has no "
                                            "effect: with \"client_auth\": \"none\" no "
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
