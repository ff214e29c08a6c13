/* What several keys together make wrong: conversations, trust, files, and services side by side. */
#include "tests/unit/test_config.h"

static const struct bad_text conversations[] = {
    {"no conversation", AUTO(""),
     "c.json:1:15: /services/0: the conversation is missing: add \"forward\", \"echo\" or "
     "\"http\", or one for each role under \"as_server\" and \"as_client\"\n"},
    {"two conversations", AUTO(",\n'forward': '127.0.0.1:1', 'echo': true"),
     "c.json:3:27: /services/0/echo: there is \"forward\" already, remove one of the two\n"},
    {"echo false", AUTO(",\n'echo': false"),
     "c.json:3:9: /services/0/echo: must be true or {}; to switch it off, remove the key\n"},
    {"echo not empty", AUTO(",\n'echo': {'a': 1}"),
     "c.json:3:9: /services/0/echo: must be true or {}; to switch it off, remove the key\n"},
    {"echo a list", AUTO(",\n'echo': []"),
     "c.json:3:9: /services/0/echo: must be true or {}; to switch it off, remove the key\n"},
    {"for both roles and for one", AUTO(",\n'echo': {}, 'as_server': {'echo': {}}"),
     "c.json:3:13: /services/0/as_server: \"echo\" stands for both roles already, remove one of "
     "the two\n"},
    {"forward at two levels",
     AUTO(",\n'forward': '[::1]:1', 'as_server': {'forward': '[::1]:2'}, 'as_client': {'forward': "
          "'[::1]:3'}"),
     "c.json:3:23: /services/0/as_server: \"forward\" stands for both roles already, remove one of "
     "the two\n"
     "c.json:3:60: /services/0/as_client: \"forward\" stands for both roles already, remove one of "
     "the two\n"},
    {"only as_server with auto", AUTO(",\n'as_server': {'echo': {}}"),
     "c.json:1:15: /services/0: \"as_client\" is missing: this service may become TLS client\n"},
    {"only as_client with auto", AUTO(",\n'as_client': {'echo': {}}"),
     "c.json:1:15: /services/0: \"as_server\" is missing: this service may become TLS server\n"},
    {"as_client with server",
     AUTO(",\n'role': 'server', 'as_server': {'echo': {}}, 'as_client': {'echo': {}}"),
     "c.json:3:46: /services/0/as_client: never happens with \"role\": \"server\", remove it\n"},
    {"as_server with client",
     AUTO(",\n'role': 'client', 'as_server': {'echo': {}}, 'as_client': {'echo': {}}"),
     "c.json:3:19: /services/0/as_server: never happens with \"role\": \"client\", remove it\n"},
    {"as_client alone with server", AUTO(",\n'role': 'server', 'as_client': {'echo': {}}"),
     "c.json:1:15: /services/0: \"as_server\" is missing: this service may become TLS server\n"
     "c.json:3:19: /services/0/as_client: never happens with \"role\": \"server\", remove it\n"},
    {"as_server empty", AUTO(",\n'as_server': {}, 'as_client': {'echo': {}}"),
     "c.json:3:14: /services/0/as_server: \"forward\", \"echo\" or \"http\" is missing\n"},
    {"as_server a string", AUTO(",\n'as_server': 'echo', 'as_client': {'echo': {}}"),
     "c.json:3:14: /services/0/as_server: must be an object, not a string\n"},
    {"two conversations in as_client",
     AUTO(",\n'as_server': {'echo': {}}, 'as_client': {'echo': {}, 'forward': '[::1]:1'}"),
     "c.json:3:54: /services/0/as_client/forward: there is \"echo\" already, remove one of the "
     "two\n"},
    {"unknown key in as_client", AUTO(",\n'as_server': {'echo': {}}, 'as_client': {'exec': {}}"),
     "c.json:3:41: /services/0/as_client: \"forward\", \"echo\" or \"http\" is missing\n"
     "c.json:3:42: /services/0/as_client/exec: unknown key; known here: \"forward\", \"echo\" and "
     "\"http\"\n"}};

TEST_BAD_TEXTS(config_services, conversations, conversations)

static const struct bad_text trust[] = {
    {"auto trusts nobody",
     RAW("{\"services\": [{\"name\": \"a\", \"listen\": \"[::1]:1\", \"echo\": true,\n\"tls\": "
         "{\"certificate\": \"peer.pem\", \"client_auth\": \"none\"}}]}"),
     "c.json:2:8: /services/0/tls: this service may become TLS client and must say whom it trusts: "
     "add \"ca\" and \"peer_names\", or \"peer_pins\"\n"},
    {"auto does not say what it wants of clients",
     RAW("{\"services\": [{\"name\": \"a\", \"listen\": \"[::1]:1\", \"echo\": true,\n\"tls\": "
         "{\"certificate\": \"peer.pem\", \"ca\": \"ca.pem\", \"peer_names\": [\"a\"]}}]}"),
     "c.json:2:8: /services/0/tls: with \"role\": \"auto\" the peer chooses its role, so the role "
     "proves nothing: set \"client_auth\" to \"require\" (a peer needs a certificate in either "
     "role), or to \"none\" (a peer that comes as TLS client needs none)\n"},
    {"auto with a wrong client_auth",
     RAW("{\"services\": [{\"name\": \"a\", \"listen\": \"[::1]:1\", \"echo\": true,\n\"tls\": "
         "{\"certificate\": \"peer.pem\", \"ca\": \"ca.pem\", \"peer_names\": [\"a\"], "
         "\"client_auth\": \"always\"}}]}"),
     "c.json:2:88: /services/0/tls/client_auth: must be \"none\", \"request\", \"require\" or "
     "\"on_demand\"\n"},
    {"client trusts nobody",
     RAW("{\"services\": [{\"name\": \"a\", \"listen\": \"[::1]:1\", \"role\": \"client\", "
         "\"echo\": true,\n\"tls\": {\"insecure_any_peer\": false}}]}"),
     "c.json:2:8: /services/0/tls: this service may become TLS client and must say whom it trusts: "
     "add \"ca\" and \"peer_names\", or \"peer_pins\"\n"},
    {"client with ca alone",
     RAW("{\"services\": [{\"name\": \"a\", \"listen\": \"[::1]:1\", \"role\": \"client\", "
         "\"echo\": true,\n\"tls\": {\"ca\": \"system\"}}]}"),
     "c.json:2:8: /services/0/tls: this service may become TLS client and must say whom it trusts, "
     "and \"ca\" alone is everybody with a certificate of that CA: add \"peer_names\", or "
     "\"peer_pins\"\n"},
    {"client with names alone",
     RAW("{\"services\": [{\"name\": \"a\", \"listen\": \"[::1]:1\", \"role\": \"client\", "
         "\"echo\": true,\n\"tls\": {\"peer_names\": [\"a.example\"]}}]}"),
     "c.json:2:8: /services/0/tls: this service may become TLS client and must say whom it trusts, "
     "and \"peer_names\" needs somebody to vouch for the names: add \"ca\", or \"peer_pins\"\n"},
    {"auto without certificate",
     RAW("{\"services\": [{\"name\": \"a\", \"listen\": \"[::1]:1\", \"echo\": true,\n\"tls\": "
         "{\"insecure_any_peer\": true}}]}"),
     "c.json:2:8: /services/0/tls: this service may become TLS server: add \"certificate\"\n"},
    {"server without certificate",
     RAW("{\"services\": [{\"name\": \"a\", \"listen\": \"[::1]:1\", \"role\": \"server\", "
         "\"echo\": true,\n\"tls\": {}}]}"),
     "c.json:2:8: /services/0/tls: this service may become TLS server: add \"certificate\"\n"},
    {"key without certificate",
     RAW("{\"services\": [{\"name\": \"a\", \"listen\": \"[::1]:1\", \"role\": \"client\", "
         "\"echo\": true,\n\"tls\": {\"key\": \"peer.pem\", \"insecure_any_peer\": true}}]}"),
     "c.json:2:9: /services/0/tls/key: needs \"certificate\" beside it\n"},
    {"require_alpn without alpn", TLS("'require_alpn': true"),
     "c.json:3:1: /services/0/tls/require_alpn: needs \"alpn\" beside it, with the protocols that "
     "are required\n"},
    {"require without ca", TLS("'client_auth': 'require'"),
     "c.json:3:16: /services/0/tls/client_auth: needs somebody to vouch for the clients: add "
     "\"ca\", or \"peer_pins\"\n"},
    {"request with names alone", TLS("'client_auth': 'request', 'peer_names': ['a.example']"),
     "c.json:3:16: /services/0/tls/client_auth: needs somebody to vouch for the clients: add "
     "\"ca\", or \"peer_pins\"\n"},
    {"insecure beside ca and names",
     TLS("'insecure_any_peer': true, 'ca': 'ca.pem', 'peer_names': ['a.example']"),
     "c.json:3:28: /services/0/tls/ca: contradicts \"insecure_any_peer\": true, remove one of the "
     "two\n"
     "c.json:3:44: /services/0/tls/peer_names: contradicts \"insecure_any_peer\": true, remove one "
     "of the two\n"},
    {"insecure beside pins",
     TLS("'peer_pins': "
         "['sha256:0123456789abcdefABCDEF01234567890123456789abcdefABCDEF0123456789'], "
         "'insecure_any_peer': true"),
     "c.json:3:1: /services/0/tls/peer_pins: contradicts \"insecure_any_peer\": true, remove one "
     "of the two\n"}};

TEST_BAD_TEXTS(config_services, trust, trust)

static const struct bad_text files[] = {
    {"certificate missing on disk",
     RAW("{\"services\": [{\"name\": \"a\", \"listen\": \"[::1]:1\", \"role\": \"server\", "
         "\"echo\": true,\n\"tls\": {\"certificate\": \"none.pem\"}}]}"),
     "c.json:2:24: /services/0/tls/certificate: none.pem cannot be read: No such file or "
     "directory\n"},
    {"certificate a folder",
     RAW("{\"services\": [{\"name\": \"a\", \"listen\": \"[::1]:1\", \"role\": \"server\", "
         "\"echo\": true,\n\"tls\": {\"certificate\": \"folder\"}}]}"),
     "c.json:2:24: /services/0/tls/certificate: folder is a directory; a PEM file is expected\n"},
    {"certificate below a file",
     RAW("{\"services\": [{\"name\": \"a\", \"listen\": \"[::1]:1\", \"role\": \"server\", "
         "\"echo\": true,\n\"tls\": {\"certificate\": \"peer.pem/x\"}}]}"),
     "c.json:2:24: /services/0/tls/certificate: peer.pem/x cannot be read: Not a directory\n"},
    {"key missing on disk", TLS("'key': '/nonexistent/key.pem'"),
     "c.json:3:8: /services/0/tls/key: /nonexistent/key.pem cannot be read: No such file or "
     "directory\n"},
    {"key open to all", TLS("'key': 'open.pem'"),
     "c.json:3:8: /services/0/tls/key: open.pem holds a private key, and everybody may read or "
     "write it: chmod 600 open.pem\n"},
    {"certificate with its key, open to all",
     RAW("{\"services\": [{\"name\": \"a\", \"listen\": \"[::1]:1\", \"role\": \"server\", "
         "\"echo\": true,\n\"tls\": {\"certificate\": \"open.pem\"}}]}"),
     "c.json:2:24: /services/0/tls/certificate: open.pem holds a private key, and everybody may "
     "read or write it: chmod 600 open.pem\n"},
    {"ca missing on disk", TLS("'client_auth': 'require', 'ca': 'System'"),
     "c.json:3:33: /services/0/tls/ca: System cannot be read: No such file or directory\n"},
    {"ca empty", TLS("'client_auth': 'require', 'ca': ''"),
     "c.json:3:33: /services/0/tls/ca: must not be empty\n"}};

TEST_BAD_TEXTS(config_services, files, files)

static const struct bad_text several_services[] = {
    {"equal names",
     RAW("{\"services\": [\n{\"name\": \"a\", \"listen\": \"[::1]:1\", \"role\": \"server\", "
         "\"echo\": true, \"tls\": {\"certificate\": \"peer.pem\"}},\n{\"name\": \"a\", "
         "\"listen\": \"[::1]:2\", \"role\": \"server\", \"echo\": true, \"tls\": "
         "{\"certificate\": \"peer.pem\"}}]}"),
     "c.json:3:10: /services/1/name: another service has this name, see 2:10\n"},
    {"equal addresses",
     RAW("{\"services\": [\n{\"name\": \"a\", \"listen\": \"[::1]:1\", \"role\": \"server\", "
         "\"echo\": true, \"tls\": {\"certificate\": \"peer.pem\"}},\n{\"name\": \"b\", "
         "\"listen\": \"[0:0::1]:1\", \"role\": \"server\", \"echo\": true, \"tls\": "
         "{\"certificate\": \"peer.pem\"}}]}"),
     "c.json:3:25: /services/1/listen: another service listens on this address, see 2:25\n"},
    {"equal hosts",
     RAW("{\"services\": [\n{\"name\": \"a\", \"listen\": \"localhost:1\", \"role\": \"server\", "
         "\"echo\": true, \"tls\": {\"certificate\": \"peer.pem\"}},\n{\"name\": \"b\", "
         "\"listen\": \"LocalHost:1\", \"role\": \"server\", \"echo\": true, \"tls\": "
         "{\"certificate\": \"peer.pem\"}}]}"),
     "c.json:3:25: /services/1/listen: another service listens on this address, see 2:25\n"},
    {"equal unix paths",
     RAW("{\"services\": [\n{\"name\": \"a\", \"listen\": \"unix:s\", \"role\": \"server\", "
         "\"echo\": true, \"tls\": {\"certificate\": \"peer.pem\"}},\n{\"name\": \"b\", "
         "\"listen\": \"unix:s\", \"role\": \"server\", \"echo\": true, \"tls\": {\"certificate\": "
         "\"peer.pem\"}}]}"),
     "c.json:3:25: /services/1/listen: another service listens on this address, see 2:25\n"}};

TEST_BAD_TEXTS(config_services, several_services, several_services)
