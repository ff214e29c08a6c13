/* The conversation "http". */
#include "tests/unit/test_config.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static const struct bad_text bad_http[] = {
    {"http true",
     QUOTED("{'services': [{'name': 'a', 'listen': '[::1]:1', 'role': 'server', 'tls': "
            "{'certificate': 'peer.pem'},\n"
            "'http': true}]}"),
     "c.json:2:9: /services/0/http: must be an object, not true\n"},
    {"http beside echo", SERVICE("'http': {'root': 'folder'}"),
     "c.json:3:1: /services/0/http: there is \"echo\" already, remove one of the two\n"},
    {"http empty", HTTP(), "c.json:3:9: /services/0/http: \"root\" is missing\n"},
    {"http with another key", HTTP("'root': 'folder', 'listing': true"),
     "c.json:3:28: /services/0/http/listing: unknown key; known here: \"root\", \"protected\" and "
     "\"index\"\n"},
    {"http with a key of its service", HTTP("'root': 'folder', 'peer_names': ['a']"),
     "c.json:3:28: /services/0/http/peer_names: unknown key here, it belongs under "
     "\"protected\"\n"},
    {"http key in the service", HEARD("'root': 'folder'"),
     "c.json:3:1: /services/0/root: unknown key here, it belongs under \"http\"\n"},
    {"root missing on disk", HTTP("'root': 'www'"),
     "c.json:3:18: /services/0/http/root: www cannot be read: No such file or directory\n"},
    {"root a file", HTTP("'root': 'ca.pem'"),
     "c.json:3:18: /services/0/http/root: ca.pem is not a directory; a folder is expected\n"},
    {"root a boolean", HTTP("'root': true"),
     "c.json:3:18: /services/0/http/root: must be a path in a string, not true\n"},
    {"root empty", HTTP("'root': ''"), "c.json:3:18: /services/0/http/root: must not be empty\n"},
    {"index a path", HTTP("'root': 'folder', 'index': 'a/b.html'"),
     "c.json:3:37: /services/0/http/index: must be the name of a file, without \"/\"; it is looked "
     "for in each folder\n"},
    {"index a folder", HTTP("'root': 'folder', 'index': '..'"),
     "c.json:3:37: /services/0/http/index: must be the name of a file, without \"/\"; it is looked "
     "for in each folder\n"},
    {"index null", HTTP("'root': 'folder', 'index': null"),
     "c.json:3:37: /services/0/http/index: must be a string, not null\n"},
    {"index false", HTTP("'root': 'folder', 'index': false"),
     "c.json:3:37: /services/0/http/index: must be a string, not false\n"},
    {"index with a control character", HTTP("'root': 'folder', 'index': 'a\\tb'"),
     "c.json:3:37: /services/0/http/index: must not hold control characters\n"},
    {"protected a string", HTTP("'root': 'folder', 'protected': '/secure/'"),
     "c.json:3:41: /services/0/http/protected: must be a list of strings or objects, not a "
     "string\n"},
    {"protected empty", HTTP("'root': 'folder', 'protected': []"),
     "c.json:3:41: /services/0/http/protected: must not be empty\n"},
    {"protected a number", HTTP("'root': 'folder', 'protected': ['/a/', 1, null]"),
     "c.json:3:49: /services/0/http/protected/1: must be a string or an object, not a number\n"
     "c.json:3:52: /services/0/http/protected/2: must be a string or an object, not null\n"},
    {"protected without prefix",
     HTTP("'root': 'folder', 'protected': [{'peer_names': ['a.example']}]"),
     "c.json:3:42: /services/0/http/protected/0: \"prefix\" is missing\n"},
    {"protected with another key",
     HTTP("'root': 'folder', 'protected': [{'prefix': '/a/', 'client_auth': 'require'}]"),
     "c.json:3:60: /services/0/http/protected/0/client_auth: unknown key; known here: \"prefix\", "
     "\"peer_names\" and \"peer_pins\"\n"},
    {"protected path without slashes",
     HTTP("'root': 'folder', 'protected': ['', 'secure/', '/secure', {'prefix': 'secure'}]"),
     "c.json:3:42: /services/0/http/protected/0: must not be empty\n"
     "c.json:3:46: /services/0/http/protected/1: must begin and end with \"/\", as in "
     "\"/secure/\"\n"
     "c.json:3:57: /services/0/http/protected/2: must begin and end with \"/\", as in "
     "\"/secure/\"\n"
     "c.json:3:79: /services/0/http/protected/3/prefix: must begin and end with \"/\", as in "
     "\"/secure/\"\n"},
    {"protected path that is never asked for",
     HTTP("'root': 'folder', 'protected': ['//', '/a//b/', '/./', '/a/../b/', '/a%20b/', '/a?/', "
          "'/a\\\\b/']"),
     "c.json:3:42: /services/0/http/protected/0: must not hold empty parts, \".\" or \"..\"\n"
     "c.json:3:48: /services/0/http/protected/1: must not hold empty parts, \".\" or \"..\"\n"
     "c.json:3:58: /services/0/http/protected/2: must not hold empty parts, \".\" or \"..\"\n"
     "c.json:3:65: /services/0/http/protected/3: must not hold empty parts, \".\" or \"..\"\n"
     "c.json:3:77: /services/0/http/protected/4: must hold no %, ?, # or \\; it is compared with "
     "the decoded path\n"
     "c.json:3:88: /services/0/http/protected/5: must hold no %, ?, # or \\; it is compared with "
     "the decoded path\n"
     "c.json:3:96: /services/0/http/protected/6: must hold no %, ?, # or \\; it is compared with "
     "the decoded path\n"},
    {"protected twice",
     HTTP("'root': 'folder', 'protected': ['/a/', '/b/', {'prefix': '/a/'}, '/b/']"),
     "c.json:3:67: /services/0/http/protected/2/prefix: is in the list already, see 3:42\n"
     "c.json:3:75: /services/0/http/protected/3: is in the list already, see 3:49\n"},
    {"protected for bad names",
     HTTP("'root': 'folder', 'protected': [{'prefix': '/a/', 'peer_names': ['a b', 'ip:a'], "
          "'peer_pins': ['x']}]"),
     "c.json:3:75: /services/0/http/protected/0/peer_names/0: must be a DNS name, an IP address, "
     "or a name with its kind before it: dns:, ip:, uri:, email: or cn:\n"
     "c.json:3:82: /services/0/http/protected/0/peer_names/1: ip: must be followed by an IP "
     "address\n"
     "c.json:3:105: /services/0/http/protected/0/peer_pins/0: must be sha256: and the 64 hex "
     "digits of the SHA-256 of the peer's public key (SubjectPublicKeyInfo), without colons "
     "between them\n"},
    {"protected for no names",
     HTTP("'root': 'folder', 'protected': [{'prefix': '/a/', 'peer_names': []}]"),
     "c.json:3:74: /services/0/http/protected/0/peer_names: must not be empty\n"},
    {"protected with clients that are not asked",
     QUOTED("{'services': [{'name': 'a', 'listen': '[::1]:1', 'role': 'server', 'tls': "
            "{'certificate': 'peer.pem'},\n"
            "'http': {'root': 'folder', 'protected': ['/a/']}}]}"),
     "c.json:2:28: /services/0/http/protected: needs clients that are asked for a certificate: add "
     "\"client_auth\": \"on_demand\" under \"tls\" (or \"request\" or \"require\")\n"},
    {"protected with clients that are not asked, as_server",
     AUTO(",\n"
          "'as_server': {'http': {'root': 'folder', 'protected': ['/a/']}}, 'as_client': {'http': "
          "{'root': 'folder', 'protected': ['/a/']}}"),
     "c.json:3:42: /services/0/as_server/http/protected: needs clients that are asked for a "
     "certificate: add \"client_auth\": \"on_demand\" under \"tls\" (or \"request\" or "
     "\"require\")\n"},
    {"protected for names that nobody vouches for",
     QUOTED("{'services': [{'name': 'a', 'listen': '[::1]:1', 'role': 'server',\n"
            "'tls': {'certificate': 'peer.pem', 'client_auth': 'require', 'peer_pins': "
            "['sha256:0123456789abcdefABCDEF01234567890123456789abcdefABCDEF0123456789']},\n"
            "'http': {'root': 'folder', 'protected': [{'prefix': '/a/', 'peer_names': ['a']}]}}]}"),
     "c.json:3:60: /services/0/http/protected/0/peer_names: needs somebody to vouch for the names: "
     "add \"ca\" under \"tls\"\n"},
    {"protected for names, with insecure",
     AUTO(", 'role': 'client',\n"
          "'http': {'root': 'folder', 'protected': [{'prefix': '/a/', 'peer_names': ['a']}]}"),
     "c.json:3:60: /services/0/http/protected/0/peer_names: contradicts \"insecure_any_peer\": "
     "true, remove one of the two\n"},
    {"http for both roles and for one",
     AUTO(",\n"
          "'http': {'root': 'www'}, 'as_server': {'http': {'root': 'folder'}}, 'as_client': "
          "{'http': {'root': 'nix'}}"),
     "c.json:3:26: /services/0/as_server: \"http\" stands for both roles already, remove one of "
     "the two\n"
     "c.json:3:69: /services/0/as_client: \"http\" stands for both roles already, remove one of "
     "the two\n"
     "c.json:3:100: /services/0/as_client/http/root: nix cannot be read: No such file or "
     "directory\n"},
    {"http and forward in as_server",
     AUTO(",\n"
          "'as_server': {'http': {'root': 'folder'}, 'forward': '[::1]:1'}, 'as_client': {'echo': "
          "true}"),
     "c.json:3:43: /services/0/as_server/forward: there is \"http\" already, remove one of the "
     "two\n"}};

TEST_BAD_TEXTS(config_http, bad_http, bad_http)

/* ---- Good ones ---------------------------------------------------------------------------- */

#define PIN "sha256:0123456789abcdefABCDEF01234567890123456789abcdefABCDEF0123456789"

static void check_site(const struct config_conversation *conversation)
{
    const struct config_http *http = &conversation->http;
    cr_assert_eq(conversation->kind, CONFIG_CONVERSATION_HTTP);
    cr_assert_eq(conversation->forward.kind, CONFIG_ADDRESS_NONE);
    cr_assert_str_eq(http->root, "folder");
    cr_assert_str_eq(http->index, "index.html");
    cr_assert_eq(http->protected_count, 2);
    cr_assert_str_eq(http->protected_paths[0].prefix, "/secure/");
    cr_assert_eq(http->protected_paths[0].peer_names.count, 0);
    cr_assert_eq(http->protected_paths[0].peer_pins.count, 0);
    cr_assert_str_eq(http->protected_paths[1].prefix, "/secure/more/");
    cr_assert_eq(http->protected_paths[1].peer_names.count, 2);
    cr_assert_str_eq(http->protected_paths[1].peer_names.items[0].text, "A");
    cr_assert_str_eq(http->protected_paths[1].peer_names.items[1].text, "example");
    cr_assert_eq(http->protected_paths[1].peer_pins.count, 1);
    struct config_pin pin;
    cr_assert_null(config_pin_parse(PIN, &pin));
    cr_assert_arr_eq(&http->protected_paths[1].peer_pins.items[0], &pin, sizeof(pin));
}

#define SITE                                                                                  \
    "{'root': 'folder', 'protected': ['/secure/', {'prefix': '/secure/more/', 'peer_names': " \
    "['cn:A', '*.example'], 'peer_pins': ['" PIN "']}]}"

Test(config_http, for_both_roles, .init = folder_enter, .fini = folder_leave)
{
    struct config *config = parse_good(
        "{'services': [{'name': 'a', 'listen': '[::1]:1', 'http': " SITE ", 'tls': {'certificate': "
        "'peer.pem', 'ca': 'ca.pem', 'peer_names': ['a'], 'client_auth': 'on_demand'}}]}");
    check_site(&config->services[0].as_server);
    check_site(&config->services[0].as_client);
    cr_assert_neq(config->services[0].as_server.http.root, config->services[0].as_client.http.root,
                  "each has its own");
    config_free(config);
}

Test(config_http, for_one_role, .init = folder_enter, .fini = folder_leave)
{
    struct config *config = parse_good(
        "{'services': [{'name': 'a', 'listen': '[::1]:1', 'as_client': {'http': " SITE "}, "
        "'as_server': {'forward': '[::1]:2'}, 'tls': {'certificate': 'peer.pem', 'ca': 'ca.pem', "
        "'peer_names': ['a'], 'client_auth': 'none'}}]}");
    check_site(&config->services[0].as_client);
    cr_assert_eq(config->services[0].as_server.kind, CONFIG_CONVERSATION_FORWARD);
    cr_assert_null(config->services[0].as_server.http.root);
    config_free(config);
}

Test(config_http, index_and_root, .init = folder_enter, .fini = folder_leave)
{
    static const struct {
        const char *keys, *root, *index;
    } rows[] = {{"'root': '.'", ".", "index.html"},
                {"'root': '/', 'index': ''", "/", ""},
                {"'index': 'a b.html', 'root': 'folder/'", "folder/", "a b.html"},
                {"'root': 'folder', 'index': '..a'", "folder", "..a"},
                {"'root': 'folder', 'protected': ['/']", "folder", "index.html"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[512];
        (void)snprintf(text, sizeof(text),
                       "{'services': [{'name': 'a', 'listen': '[::1]:1', 'role': 'client', "
                       "'http': {%s}, 'tls': {'insecure_any_peer': true}}]}",
                       rows[i].keys);
        struct config *config = parse_good(text);
        const struct config_http *http = &config->services[0].as_client.http;
        cr_assert_str_eq(http->root, rows[i].root);
        cr_assert_str_eq(http->index, rows[i].index);
        config_free(config);
    }
}

/* Each way to ask clients for a certificate will do. */
Test(config_http, protected_with_any_client_auth, .init = folder_enter, .fini = folder_leave)
{
    static const char *const rows[] = {"on_demand", "request", "require"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[512];
        (void)snprintf(text, sizeof(text),
                       "{'services': [{'name': 'a', 'listen': '[::1]:1', 'role': 'server', "
                       "'http': {'root': 'folder', 'protected': ['/a/']}, 'tls': {'certificate': "
                       "'peer.pem', 'ca': 'ca.pem', 'client_auth': '%s'}}]}",
                       rows[i]);
        quote(text, strlen(text));
        struct config_report report;
        struct config *config = config_parse("c.json", text, strlen(text), &report);
        cr_assert_not_null(config, "%s", rows[i]);
        cr_assert_eq(report.warnings.count, 0, "%s", rows[i]);
        config_free(config);
        config_report_free(&report);
    }
}
