/* Services that dial, TCP Fast Open. */
#include "tests/unit/test_config.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

/* One that dials, knows whom to trust, and says this of its clients. */
#define KNOWN(keys)                                                                          \
    QUOTED("{'services': [{'name': 'a', 'tls': {'certificate': 'peer.pem', 'ca': 'ca.pem', " \
           "'peer_names': ['b']},\n'dial': '[::1]:1', 'listen_plain': '[::1]:2', " keys "}]}")
#define ASKS(way, role)                                                                      \
    QUOTED("{'services': [{'name': 'a', 'tls': {'certificate': 'peer.pem', 'ca': 'ca.pem', " \
           "'peer_names': ['b'], 'client_auth': '" way                                       \
           "'},\n'dial': '[::1]:1', 'listen_plain': '[::1]:2', 'role': '" role "'}]}")

static const struct bad_text bad_dial[] = {
    {"neither listen nor dial",
     QUOTED("{'services': [{'name': 'a', 'role': 'server', 'echo': true,\n"
            "'tls': {'certificate': 'peer.pem'}}]}"),
     "c.json:1:15: /services/0: \"listen\" or \"dial\" is missing\n"},
    {"both listen and dial", DIAL("'listen': '[::1]:1', 'dial': '[::1]:2', 'echo': true"),
     "c.json:2:22: /services/0/dial: there is \"listen\" already, remove one of the two\n"},
    {"dial before listen", DIAL("'dial': '[::1]:2', 'listen': '[::1]:1', 'echo': true"),
     "c.json:2:20: /services/0/listen: there is \"dial\" already, remove one of the two\n"},
    {"both listen and dial, so that the role is open",
     QUOTED("{'services': [{'name': 'a', 'echo': true, 'tls': {},\n"
            "'listen': '[::1]:1', 'dial': '[::1]:2'}]}"),
     "c.json:2:22: /services/0/dial: there is \"listen\" already, remove one of the two\n"},
    {"dial a number", DIAL("'echo': true, 'persistent': true, 'dial': 443"),
     "c.json:2:43: /services/0/dial: must be an address in a string, or a list of them, not a "
     "number\n"},
    {"dial an object", DIAL("'echo': true, 'persistent': true, 'dial': {}"),
     "c.json:2:43: /services/0/dial: must be an address in a string, or a list of them, not an "
     "object\n"},
    {"dial empty", DIAL("'echo': true, 'persistent': true, 'dial': ''"),
     "c.json:2:43: /services/0/dial: must not be empty\n"},
    {"dial to no address", DIAL("'echo': true, 'persistent': true, 'dial': []"),
     "c.json:2:43: /services/0/dial: must not be empty\n"},
    {"dial to port 0", DIAL("'echo': true, 'persistent': true, 'dial': 'a.example:0'"),
     "c.json:2:43: /services/0/dial: port 0 is only for listening\n"},
    {"dial without port", DIAL("'echo': true, 'persistent': true, 'dial': 'a.example'"),
     "c.json:2:43: /services/0/dial: the port is missing; an address is host:port, [v6]:port or "
     "unix:/path\n"},
    {"dial to a number", DIAL("'echo': true, 'persistent': true, 'dial': ['a.example:1', 2]"),
     "c.json:2:59: /services/0/dial/1: must be an address in a string, not a number\n"},
    {"dial to wrong addresses",
     DIAL("'echo': true, 'persistent': true, 'dial': ['a.example:1', 'b', 'c.example:0', '']"),
     "c.json:2:59: /services/0/dial/1: the port is missing; an address is host:port, [v6]:port or "
     "unix:/path\n"
     "c.json:2:64: /services/0/dial/2: port 0 is only for listening\n"
     "c.json:2:79: /services/0/dial/3: must not be empty\n"},
    {"dial to nine addresses",
     DIAL("'echo': true, 'persistent': true, 'dial': ['a:1', 'a:2', 'a:3', 'a:4', 'a:5', 'a:6', "
          "'a:7', 'a:8', 'a:9']"),
     "c.json:2:43: /services/0/dial: must have at most 8 items\n"},
    {"dial to one address twice",
     DIAL("'echo': true, 'persistent': true, 'dial': ['[::1]:1', 'a:1', '[0::1]:1', 'A:1']"),
     "c.json:2:62: /services/0/dial/2: is in the list already, see 2:44\n"
     "c.json:2:74: /services/0/dial/3: is in the list already, see 2:55\n"},
    {"dial to a long socket path",
     DIAL("'echo': true, 'persistent': true, 'dial': "
          "'unix:"
          "pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp"
          "pppppppppppppppppppp'"),
     "c.json:2:43: /services/0/dial: the path of a unix: address must be at most 107 bytes\n"},
    {"dial and nothing to do", DIAL("'dial': '[::1]:1'"),
     "c.json:1:15: /services/0: \"dial\" needs \"listen_plain\", of which each connection dials "
     "one, or \"persistent\": true and a conversation, to keep one up\n"},
    {"dial with a conversation, not persistent", DIAL("'dial': '[::1]:1', 'echo': true"),
     "c.json:1:15: /services/0: \"dial\" needs \"listen_plain\", of which each connection dials "
     "one, or \"persistent\": true and a conversation, to keep one up\n"},
    {"dial with persistent false", DIAL("'dial': '[::1]:1', 'persistent': false, 'echo': true"),
     "c.json:1:15: /services/0: \"dial\" needs \"listen_plain\", of which each connection dials "
     "one, or \"persistent\": true and a conversation, to keep one up\n"},
    {"dial with listen_plain and persistent",
     DIAL("'dial': '[::1]:1', 'listen_plain': '[::1]:2', 'persistent': true"),
     "c.json:2:47: /services/0/persistent: there is \"listen_plain\" already, remove one of the "
     "two\n"},
    {"persistent first, then listen_plain",
     DIAL("'persistent': true, 'dial': '[::1]:1', 'listen_plain': '[::1]:2'"),
     "c.json:2:40: /services/0/listen_plain: there is \"persistent\" already, remove one of the "
     "two\n"},
    {"persistent without a conversation", DIAL("'dial': '[::1]:1', 'persistent': true"),
     "c.json:1:15: /services/0: the conversation is missing: add \"forward\", \"echo\" or "
     "\"http\", or one for each role under \"as_server\" and \"as_client\"\n"},
    {"persistent without one for its role",
     DIAL("'dial': '[::1]:1', 'persistent': true, 'as_server': {'echo': true}"),
     "c.json:1:15: /services/0: \"as_client\" is missing: this service may become TLS client\n"
     "c.json:2:40: /services/0/as_server: never happens with \"role\": \"client\", remove it\n"},
    {"persistent a string", DIAL("'dial': '[::1]:1', 'persistent': 'yes'"),
     "c.json:2:34: /services/0/persistent: must be true or false, not a string\n"},
    {"listen_plain beside forward",
     DIAL("'dial': '[::1]:1', 'listen_plain': '[::1]:2', 'forward': '[::1]:3'"),
     "c.json:2:47: /services/0/forward: cannot stand beside \"listen_plain\": the local connection "
     "is the conversation; remove one of the two\n"},
    {"listen_plain beside a wrong forward",
     DIAL("'dial': '[::1]:1', 'listen_plain': '[::1]:2', 'forward': 'nowhere'"),
     "c.json:2:47: /services/0/forward: cannot stand beside \"listen_plain\": the local connection "
     "is the conversation; remove one of the two\n"
     "c.json:2:58: /services/0/forward: the port is missing; an address is host:port, [v6]:port or "
     "unix:/path\n"},
    {"listen_plain beside echo", DIAL("'dial': '[::1]:1', 'listen_plain': '[::1]:2', 'echo': {}"),
     "c.json:2:47: /services/0/echo: cannot stand beside \"listen_plain\": the local connection is "
     "the conversation; remove one of the two\n"},
    {"listen_plain beside http",
     DIAL("'dial': '[::1]:1', 'listen_plain': '[::1]:2', 'http': {'root': 'folder'}"),
     "c.json:2:47: /services/0/http: cannot stand beside \"listen_plain\": the local connection is "
     "the conversation; remove one of the two\n"},
    {"listen_plain beside as_client",
     DIAL("'dial': '[::1]:1', 'listen_plain': '[::1]:2', 'as_client': {'echo': true}"),
     "c.json:2:47: /services/0/as_client: cannot stand beside \"listen_plain\": the local "
     "connection is the conversation; remove one of the two\n"},
    {"listen_plain without port", DIAL("'dial': '[::1]:1', 'listen_plain': '[::1]'"),
     "c.json:2:36: /services/0/listen_plain: the port is missing; an address is host:port, "
     "[v6]:port or unix:/path\n"},
    {"listen_plain a list", DIAL("'dial': '[::1]:1', 'listen_plain': ['[::1]:2']"),
     "c.json:2:36: /services/0/listen_plain: must be an address in a string, not a list\n"},
    {"listen_plain with listen",
     QUOTED("{'services': [{'name': 'a', 'role': 'client', 'tls': {'insecure_any_peer': true},\n"
            "'listen': '[::1]:1', 'listen_plain': '[::1]:2'}]}"),
     "c.json:2:22: /services/0/listen_plain: only goes with \"dial\", remove it\n"},
    {"persistent with listen", HEARD("'persistent': true"),
     "c.json:3:1: /services/0/persistent: only goes with \"dial\", remove it\n"},
    {"persistent false with listen", HEARD("'persistent': false"),
     "c.json:3:1: /services/0/persistent: only goes with \"dial\", remove it\n"},
    {"connect_timeout with listen", HEARD("'connect_timeout': '5s'"),
     "c.json:3:1: /services/0/connect_timeout: only goes with \"dial\", remove it\n"},
    {"retry with listen", HEARD("'retry': {}"),
     "c.json:3:1: /services/0/retry: only goes with \"persistent\": true, remove it\n"},
    {"connect_timeout at once",
     DIAL("'echo': true, 'persistent': true, 'dial': '[::1]:1', 'connect_timeout': '0s'"),
     "c.json:2:73: /services/0/connect_timeout: must be from \"1ms\" to \"8760h\"\n"},
    {"connect_timeout never",
     DIAL("'echo': true, 'persistent': true, 'dial': '[::1]:1', 'connect_timeout': 'never'"),
     "c.json:2:73: /services/0/connect_timeout: \"never\" is not allowed here; the longest is "
     "\"8760h\"\n"},
    {"retry with listen_plain",
     DIAL("'dial': '[::1]:1', 'listen_plain': '[::1]:2', 'retry': {'min': '1s'}"),
     "c.json:2:47: /services/0/retry: only goes with \"persistent\": true, remove it\n"},
    {"retry a duration", DIAL("'echo': true, 'persistent': true, 'dial': '[::1]:1', 'retry': '5s'"),
     "c.json:2:63: /services/0/retry: must be an object, not a string\n"},
    {"retry with another key",
     DIAL("'echo': true, 'persistent': true, 'dial': '[::1]:1', 'retry': {'maximum': '5s', 'most': "
          "'5s'}"),
     "c.json:2:64: /services/0/retry/maximum: unknown key; known here: \"min\" and \"max\"\n"
     "c.json:2:81: /services/0/retry/most: unknown key; known here: \"min\" and \"max\"\n"},
    {"retry at once",
     DIAL("'echo': true, 'persistent': true, 'dial': '[::1]:1', 'retry': {'min': '0s'}"),
     "c.json:2:71: /services/0/retry/min: must be from \"1ms\" to \"24h\"\n"},
    {"retry after more than a day",
     DIAL("'echo': true, 'persistent': true, 'dial': '[::1]:1', 'retry': {'max': '25h'}"),
     "c.json:2:71: /services/0/retry/max: must be from \"1ms\" to \"24h\"\n"},
    {"retry with min above max",
     DIAL("'echo': true, 'persistent': true, 'dial': '[::1]:1', 'retry': {'min': '10s', 'max': "
          "'9s'}"),
     "c.json:2:63: /services/0/retry: \"min\" (10s) must not be longer than \"max\" (9s)\n"},
    {"retry with min above the default max",
     DIAL("'echo': true, 'persistent': true, 'dial': '[::1]:1', 'retry': {'min': '2m'}"),
     "c.json:2:63: /services/0/retry: \"min\" (2m) must not be longer than \"max\" (1m)\n"},
    {"retry with a number",
     DIAL("'echo': true, 'persistent': true, 'dial': '[::1]:1', 'retry': {'min': 1}"),
     "c.json:2:71: /services/0/retry/min: must be a duration such as \"5s\", not a number\n"},
    {"listen_plain where another service listens",
     QUOTED("{'services': [{'name': 'a', 'listen': '[::1]:1', 'echo': true, 'role': 'client', "
            "'tls': {'insecure_any_peer': true}},\n"
            "{'name': 'b', 'dial': '[::1]:2', 'listen_plain': '[0::1]:1', 'tls': "
            "{'insecure_any_peer': true}},\n"
            "{'name': 'c', 'dial': '[::1]:2', 'listen_plain': '[::1]:1', 'tls': "
            "{'insecure_any_peer': true}}]}"),
     "c.json:2:50: /services/1/listen_plain: another service listens on this address, see 1:39\n"
     "c.json:3:50: /services/2/listen_plain: another service listens on this address, see 1:39\n"},
    {"dial trusts nobody",
     QUOTED("{'services': [{'name': 'a', 'dial': '[::1]:1', 'listen_plain': '[::1]:2',\n"
            "'tls': {}}]}"),
     "c.json:2:8: /services/0/tls: this service may become TLS client and must say whom it trusts: "
     "add \"ca\" and \"peer_names\", or \"peer_pins\"\n"},
    {"dial as auto and nothing said of clients", KNOWN("'role': 'auto'"),
     "c.json:1:36: /services/0/tls: "
     "where we open the connection and may become TLS server, whoever answers must show a "
     "certificate: set \"client_auth\" to \"require\", or \"role\" to \"client\"\n"},
    {"dial as server and nothing said of clients", KNOWN("'role': 'server'"),
     "c.json:1:36: /services/0/tls: "
     "where we open the connection and may become TLS server, whoever answers must show a "
     "certificate: set \"client_auth\" to \"require\", or \"role\" to \"client\"\n"},
    {"dial as auto and none", ASKS("none", "auto"),
     "c.json:1:116: /services/0/tls/client_auth: "
     "where we open the connection and may become TLS server, whoever answers must show a "
     "certificate: set \"client_auth\" to \"require\", or \"role\" to \"client\"\n"},
    {"dial as auto and request", ASKS("request", "auto"),
     "c.json:1:116: /services/0/tls/client_auth: "
     "where we open the connection and may become TLS server, whoever answers must show a "
     "certificate: set \"client_auth\" to \"require\", or \"role\" to \"client\"\n"},
    {"dial as auto and on_demand", ASKS("on_demand", "auto"),
     "c.json:1:116: /services/0/tls/client_auth: "
     "where we open the connection and may become TLS server, whoever answers must show a "
     "certificate: set \"client_auth\" to \"require\", or \"role\" to \"client\"\n"},
    {"dial as server and none", ASKS("none", "server"),
     "c.json:1:116: /services/0/tls/client_auth: "
     "where we open the connection and may become TLS server, whoever answers must show a "
     "certificate: set \"client_auth\" to \"require\", or \"role\" to \"client\"\n"},
    {"dial as server and request", ASKS("request", "server"),
     "c.json:1:116: /services/0/tls/client_auth: "
     "where we open the connection and may become TLS server, whoever answers must show a "
     "certificate: set \"client_auth\" to \"require\", or \"role\" to \"client\"\n"},
    {"dial as server and on_demand", ASKS("on_demand", "server"),
     "c.json:1:116: /services/0/tls/client_auth: "
     "where we open the connection and may become TLS server, whoever answers must show a "
     "certificate: set \"client_auth\" to \"require\", or \"role\" to \"client\"\n"},
    {"dial as server without certificate",
     DIAL("'dial': '[::1]:1', 'role': 'server', 'persistent': true, 'echo': true"),
     "c.json:1:36: /services/0/tls: this service may become TLS server: add \"certificate\"\n"},
    {"dial as auto with half of the conversations",
     QUOTED(
         "{'services': [{'name': 'a', 'tls': {'certificate': 'peer.pem', 'insecure_any_peer': "
         "true},\n"
         "'dial': '[::1]:1', 'role': 'auto', 'persistent': true, 'as_server': {'echo': true}}]}"),
     "c.json:1:15: /services/0: \"as_client\" is missing: this service may become TLS client\n"},
    {"dial with a wrong role",
     DIAL("'dial': '[::1]:1', 'role': 'both', 'persistent': true, 'as_server': {'echo': true}"),
     "c.json:2:28: /services/0/role: must be \"auto\", \"server\" or \"client\"\n"}};

TEST_BAD_TEXTS(config_dial, bad_dial, bad_dial)

#define NO_ADDRESS                                                                                 \
    "/services/0/dial_from: must be an IP address of this machine and a port, as in 0.0.0.0:4433 " \
    "or [::]:0\n"
#define ONE_AT_A_TIME                                                                            \
    "/services/0/dial_from: from a fixed port one connection at a time can be dialed, and "      \
    "\"listen_plain\" wants one for each local connection: use port 0, or \"max_connections\": " \
    "1\n"

static const struct bad_text bad_from[] = {
    {"from with listen", HEARD("'dial_from': '[::1]:1'"),
     "c.json:3:1: /services/0/dial_from: only goes with \"dial\", remove it\n"},
    {"from a unix socket",
     DIAL("'echo': {}, 'persistent': true, 'dial': '[::1]:1', 'dial_from': 'unix:s'"),
     "c.json:2:65: " NO_ADDRESS},
    {"from a name",
     DIAL("'echo': {}, 'persistent': true, 'dial': '[::1]:1', 'dial_from': 'localhost:0'"),
     "c.json:2:65: " NO_ADDRESS},
    {"from no port",
     DIAL("'echo': {}, 'persistent': true, 'dial': '[::1]:1', 'dial_from': '[::1]'"),
     "c.json:2:65: /services/0/dial_from: the port is missing; an address is host:port, "
     "[v6]:port or unix:/path\n"},
    {"from a number", DIAL("'echo': {}, 'persistent': true, 'dial': '[::1]:1', 'dial_from': 1"),
     "c.json:2:65: /services/0/dial_from: must be an address in a string, not a number\n"},
    {"from two",
     DIAL("'echo': {}, 'persistent': true, 'dial': '[::1]:1', 'dial_from': ['[::1]:1']"),
     "c.json:2:65: /services/0/dial_from: must be an address in a string, not a list\n"},
    {"from a port to unix sockets",
     DIAL("'echo': {}, 'persistent': true, 'dial': ['unix:s', 'unix:t'], 'dial_from': '[::]:1'"),
     "c.json:2:63: /services/0/dial_from: is for TCP, and this service has unix: addresses only\n"},
    {"from IPv4 to IPv6",
     DIAL("'echo': {}, 'persistent': true, 'dial': ['[::1]:1', 'unix:s', '[::2]:1'], "
          "'dial_from': '0.0.0.0:1'"),
     "c.json:2:88: /services/0/dial_from: is an IPv4 address, and none in \"dial\" is\n"},
    {"from IPv6 to IPv4",
     DIAL("'echo': {}, 'persistent': true, 'dial': '127.0.0.1:1', 'dial_from': '[::]:0'"),
     "c.json:2:69: /services/0/dial_from: is an IPv6 address, and none in \"dial\" is\n"},
    {"from where it dials to",
     DIAL("'echo': {}, 'persistent': true, 'dial': ['a:1', '[::1]:1'], 'dial_from': '[0::1]:1'"),
     "c.json:2:74: /services/0/dial_from: is an address of \"dial\", and would dial itself\n"},
    {"from one port for many",
     DIAL("'dial': '[::1]:1', 'listen_plain': '[::1]:2', 'dial_from': '[::1]:3'"),
     "c.json:2:60: " ONE_AT_A_TIME},
    {"from one port for two",
     DIAL("'dial': '[::1]:1', 'listen_plain': 'unix:s', 'max_connections': 2, "
          "'dial_from': '[::1]:3'"),
     "c.json:2:81: " ONE_AT_A_TIME}};

TEST_BAD_TEXTS(config_dial, bad_from, bad_from)

static const struct bad_text bad_fast[] = {
    {"fast open a number", HEARD("'tcp_fast_open': 1"),
     "c.json:3:18: /services/0/tcp_fast_open: must be true or false, not a number\n"},
    {"fast open on a unix socket",
     DIAL("'role': 'client', 'echo': true, 'listen': 'unix:s', 'tcp_fast_open': true"),
     "c.json:2:53: /services/0/tcp_fast_open: is for TCP, and this service has unix: addresses "
     "only\n"},
    {"fast open to unix sockets",
     DIAL("'echo': true, 'persistent': true, 'dial': ['unix:s', 'unix:t'], 'tcp_fast_open': true"),
     "c.json:2:65: /services/0/tcp_fast_open: is for TCP, and this service has unix: addresses "
     "only\n"},
    {"queue without fast open", HEARD("'tcp_fast_open_queue': 16"),
     "c.json:3:1: /services/0/tcp_fast_open_queue: only goes with \"tcp_fast_open\": true, remove "
     "it\n"},
    {"queue with fast open false", HEARD("'tcp_fast_open_queue': 16, 'tcp_fast_open': false"),
     "c.json:3:1: /services/0/tcp_fast_open_queue: only goes with \"tcp_fast_open\": true, remove "
     "it\n"},
    {"queue of 0", HEARD("'tcp_fast_open': true, 'tcp_fast_open_queue': 0"),
     "c.json:3:47: /services/0/tcp_fast_open_queue: must be from 1 to 65535\n"},
    {"queue too long", HEARD("'tcp_fast_open': true, 'tcp_fast_open_queue': 65536"),
     "c.json:3:47: /services/0/tcp_fast_open_queue: must be from 1 to 65535\n"},
    {"queue with dial",
     DIAL("'echo': true, 'persistent': true, 'dial': '[::1]:1', 'tcp_fast_open': true, "
          "'tcp_fast_open_queue': 16"),
     "c.json:2:77: /services/0/tcp_fast_open_queue: only goes with \"listen\", remove it\n"}};

TEST_BAD_TEXTS(config_dial, bad_fast, bad_fast)

/* ---- Good ones ---------------------------------------------------------------------------- */

Test(config_dial, every_key_of_a_persistent_one, .init = folder_enter, .fini = folder_leave)
{
    struct config *config = parse_good(
        "{'services': [{'name': 'a', 'dial': ['a.example:1', '[::1]:2', 'unix:s'],"
        "'persistent': true, 'retry': {'min': '200ms', 'max': '5m'},"
        "'connect_timeout': '3s', 'role': 'auto', 'dial_from': '[::1]:7', 'tcp_fast_open': true,"
        "'remember_roles': true, 'forward': '[::1]:3',"
        "'tls': {'certificate': 'peer.pem', 'insecure_any_peer': true}}]}");
    const struct config_service *service = &config->services[0];
    const struct config_dial *dial = &service->dial;
    cr_assert_eq(service->listen.kind, CONFIG_ADDRESS_NONE);
    cr_assert_eq(dial->address_count, 3);
    cr_assert_str_eq(dial->addresses[0].host, "a.example");
    cr_assert_eq(dial->addresses[0].port, 1);
    cr_assert_str_eq(dial->addresses[1].host, "::1");
    cr_assert_eq(dial->addresses[2].kind, CONFIG_ADDRESS_UNIX);
    cr_assert_str_eq(dial->addresses[2].path, "s");
    cr_assert_str_eq(dial->from.host, "::1");
    cr_assert_eq(dial->from.port, 7);
    cr_assert_eq(dial->listen_plain.kind, CONFIG_ADDRESS_NONE);
    cr_assert(dial->persistent);
    cr_assert_eq(dial->retry_min_ms, 200);
    cr_assert_eq(dial->retry_max_ms, 300000);
    cr_assert_eq(dial->connect_timeout_ms, 3000);
    cr_assert_eq(service->connection.role, CONFIG_ROLE_AUTO);
    cr_assert(service->connection.tcp_fast_open);
    cr_assert(service->remember_roles);
    cr_assert_eq(service->as_server.kind, CONFIG_CONVERSATION_FORWARD);
    cr_assert_eq(service->as_client.kind, CONFIG_CONVERSATION_FORWARD);
    config_free(config);
}

Test(config_dial, defaults_of_a_bridge, .init = folder_enter, .fini = folder_leave)
{
    struct config *config =
        parse_good("{'services': [{'name': 'a', 'dial': 'a.example:1', 'listen_plain': '[::1]:0',"
                   "'tls': {'insecure_any_peer': true}}]}");
    const struct config_service *service = &config->services[0];
    const struct config_dial *dial = &service->dial;
    cr_assert_eq(dial->address_count, 1);
    cr_assert_str_eq(dial->addresses[0].text, "a.example:1");
    cr_assert_str_eq(dial->listen_plain.host, "::1");
    cr_assert_eq(dial->listen_plain.port, 0);
    cr_assert_eq(dial->from.kind, CONFIG_ADDRESS_NONE);
    cr_assert_not(dial->persistent);
    cr_assert_eq(dial->retry_min_ms, 1000);
    cr_assert_eq(dial->retry_max_ms, 60000);
    cr_assert_eq(dial->connect_timeout_ms, 10000);
    cr_assert_eq(service->connection.role, CONFIG_ROLE_CLIENT, "who dials is client");
    cr_assert_not(service->connection.tcp_fast_open);
    cr_assert_not(service->remember_roles);
    cr_assert_eq(service->as_server.kind, CONFIG_CONVERSATION_NONE);
    cr_assert_eq(service->as_client.kind, CONFIG_CONVERSATION_NONE);
    config_free(config);
}

Test(config_dial, what_else_is_good, .init = folder_enter, .fini = folder_leave)
{
    static const char *const rows[] = {
        "'dial': 'a:1', 'role': 'server', 'persistent': true, 'echo': true",
        "'dial': 'a:1', 'role': 'client', 'listen_plain': 'unix:s'",
        "'dial': 'a:1', 'listen_plain': 'unix:s', 'persistent': false",
        "'dial': 'a:1', 'persistent': true, 'as_client': {'echo': true}",
        "'dial': 'a:1', 'persistent': true, 'http': {'root': 'folder'}, 'retry': {}",
        "'dial': 'a:1', 'persistent': true, 'echo': {}, 'retry': {'min': '5s', 'max': '5s'}",
        "'dial': ['a:1','b:2','c:3','d:4','e:5','f:6','g:7','h:8'], 'listen_plain': 'a:9'",
        "'dial': ['a:1', 'unix:b'], 'tcp_fast_open': true, 'persistent': true, 'echo': {}",
        "'listen': '[::1]:1', 'echo': {}, 'tcp_fast_open': true, 'tcp_fast_open_queue': 65535",
        "'dial': ['a:1', '127.0.0.1:1'], 'persistent': true, 'echo': {}, 'dial_from': '[::]:1'",
        "'dial': ['[::1]:1','127.0.0.1:1'],'persistent': true,'echo': {},'dial_from': '0.0.0.0:1'",
        "'dial': 'a:1', 'listen_plain': 'unix:s', 'dial_from': '127.0.0.1:0'",
        "'dial': 'a:1', 'listen_plain': 'unix:s', 'max_connections': 1, 'dial_from': '[::1]:1'",
        "'dial': '[fe80::1%eth0]:1', 'listen_plain': 'unix:s', 'dial_from': '[fe80::2%eth0]:0'",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[512];
        (void)snprintf(text, sizeof(text),
                       "{'services': [{'name': 'a', 'tls': {'certificate': 'peer.pem', "
                       "'insecure_any_peer': true}, %s}]}",
                       rows[i]);
        config_free(parse_good(text));
    }
}

Test(config_dial, fast_open_queue, .init = folder_enter, .fini = folder_leave)
{
    struct config *config =
        parse_good("{'services': [{'name': 'a', 'listen': '[::1]:1', 'echo': {}, 'role': 'client',"
                   "'tcp_fast_open': true, 'tls': {'insecure_any_peer': true}},"
                   "{'name': 'b', 'listen': '[::1]:2', 'echo': {}, 'role': 'client',"
                   "'tcp_fast_open': true, 'tcp_fast_open_queue': 17,"
                   "'tls': {'insecure_any_peer': true}}]}");
    cr_assert_eq(config->services[0].tcp_fast_open_queue, 256);
    cr_assert_eq(config->services[1].tcp_fast_open_queue, 17);
    config_free(config);
}

Test(config_dial, socket_paths_count_from_the_files_folder, .init = folder_enter,
     .fini = folder_leave)
{
    struct config_report report;
    char text[] = "{'services': [{'name': 'a', 'dial': ['unix:s', 'unix:/t'],"
                  "'listen_plain': 'unix:u', 'tls': {'insecure_any_peer': true}}]}";
    quote(text, strlen(text));
    struct config *config = config_parse("folder/c.json", text, strlen(text), &report);
    cr_assert_not_null(config);
    cr_assert_str_eq(config->services[0].dial.addresses[0].path, "folder/s");
    cr_assert_str_eq(config->services[0].dial.addresses[1].path, "/t");
    cr_assert_str_eq(config->services[0].dial.listen_plain.path, "folder/u");
    config_free(config);
    config_report_free(&report);
}
