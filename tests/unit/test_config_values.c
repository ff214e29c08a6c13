/* Durations, strings and addresses that are wrong by themselves. */
#include "tests/unit/test_config.h"

static const struct bad_text durations[] = {
    {"duration a number", SERVICE("'idle_timeout': 5"),
     "c.json:3:17: /services/0/idle_timeout: must be a duration such as \"5s\", or \"never\", not "
     "a number\n"},
    {"duration without unit", SERVICE("'idle_timeout': '5'"),
     "c.json:3:17: /services/0/idle_timeout: must be a duration such as \"5s\", or \"never\"; the "
     "units are ms, s, m and h\n"},
    {"duration with a wrong unit", SERVICE("'write_timeout': '5sec'"),
     "c.json:3:18: /services/0/write_timeout: must be a duration such as \"5s\"; the units are ms, "
     "s, m and h\n"},
    {"duration with a space", SERVICE("'write_timeout': '5 s'"),
     "c.json:3:18: /services/0/write_timeout: must be a duration such as \"5s\"; the units are ms, "
     "s, m and h\n"},
    {"duration with a fraction", SERVICE("'write_timeout': '1.5s'"),
     "c.json:3:18: /services/0/write_timeout: must be a duration such as \"5s\"; the units are ms, "
     "s, m and h\n"},
    {"duration negative", SERVICE("'write_timeout': '-1s'"),
     "c.json:3:18: /services/0/write_timeout: must be a duration such as \"5s\"; the units are ms, "
     "s, m and h\n"},
    {"duration with a leading zero", SERVICE("'write_timeout': '05s'"),
     "c.json:3:18: /services/0/write_timeout: must be a duration such as \"5s\"; the units are ms, "
     "s, m and h\n"},
    {"duration empty", SERVICE("'write_timeout': ''"),
     "c.json:3:18: /services/0/write_timeout: must be a duration such as \"5s\"; the units are ms, "
     "s, m and h\n"},
    {"handshake never", SERVICE("'handshake_timeout': 'never'"),
     "c.json:3:22: /services/0/handshake_timeout: \"never\" is not allowed here; the longest is "
     "\"8760h\"\n"},
    {"handshake at once", SERVICE("'handshake_timeout': '0s'"),
     "c.json:3:22: /services/0/handshake_timeout: must be from \"1ms\" to \"8760h\"\n"},
    {"idle at once", SERVICE("'idle_timeout': '0ms'"),
     "c.json:3:17: /services/0/idle_timeout: must be from \"1ms\" to \"8760h\"\n"},
    {"shutdown never", TOP("'shutdown_timeout': 'never'"),
     "c.json:3:21: /shutdown_timeout: \"never\" is not allowed here; the longest is \"8760h\"\n"},
    {"close too long", SERVICE("'close_timeout': '8761h'"),
     "c.json:3:18: /services/0/close_timeout: must be from \"0s\" to \"8760h\"\n"},
    {"duration beyond 64 bits", SERVICE("'close_timeout': '99999999999999999999999999h'"),
     "c.json:3:18: /services/0/close_timeout: must be from \"0s\" to \"8760h\"\n"},
    {"initial true", SERVICE("'initial_data_timeout': true"),
     "c.json:3:25: /services/0/initial_data_timeout: must be a duration such as \"5s\", or "
     "\"never\", not true\n"}};

TEST_BAD_TEXTS(config_values, durations, durations)

static const struct bad_text strings[] = {
    {"name missing",
     RAW("{\"services\": [{\"listen\": \"[::1]:1\", \"role\": \"server\", \"echo\": true, \"tls\": "
         "{\"certificate\": \"peer.pem\"}}]}"),
     "c.json:1:15: /services/0: \"name\" is missing\n"},
    {"name empty", BARE("'name': '', 'listen': '[::1]:1'"),
     "c.json:3:9: /services/0/name: must not be empty\n"},
    {"name with a space", BARE("'name': 'my service', 'listen': '[::1]:1'"),
     "c.json:3:9: /services/0/name: must be 1 to 64 characters, each one of A-Z a-z 0-9 _ . -\n"},
    {"name too long",
     BARE("'name': 'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn', 'listen': "
          "'[::1]:1'"),
     "c.json:3:9: /services/0/name: must be 1 to 64 characters, each one of A-Z a-z 0-9 _ . -\n"},
    {"name a list", BARE("'name': [], 'listen': '[::1]:1'"),
     "c.json:3:9: /services/0/name: must be a string, not a list\n"},
    {"control character", TLS("'ciphers': 'a\\nb'"),
     "c.json:3:12: /services/0/tls/ciphers: must not hold control characters\n"},
    {"C1 control character", TLS("'key': 'a\\u009bb'"),
     "c.json:3:8: /services/0/tls/key: must not hold control characters\n"},
    {"ciphers not ASCII", TLS("'ciphers': '\\u00e4'"),
     "c.json:3:12: /services/0/tls/ciphers: must be ASCII\n"},
    {"peer_names a string", TLS("'peer_names': 'a.example'"),
     "c.json:3:15: /services/0/tls/peer_names: must be a list of strings, not a string\n"},
    {"peer_names empty", TLS("'client_auth': 'require', 'ca': 'ca.pem', 'peer_names': []"),
     "c.json:3:57: /services/0/tls/peer_names: must not be empty\n"},
    {"peer_names with a number",
     TLS("'client_auth': 'require', 'ca': 'ca.pem', 'peer_names': ['a.example', 1]"),
     "c.json:3:71: /services/0/tls/peer_names/1: must be a string, not a number\n"},
    {"peer name empty", TLS("'client_auth': 'require', 'ca': 'ca.pem', 'peer_names': ['']"),
     "c.json:3:58: /services/0/tls/peer_names/0: must not be empty\n"},
    {"peer name with an inner wildcard",
     TLS("'client_auth': 'require', 'ca': 'ca.pem', 'peer_names': ['a.*.example', 'a*.example', "
         "'*', '*.*.example']"),
     "c.json:3:58: /services/0/tls/peer_names/0: * may only stand for the whole leftmost label, as "
     "in \"*.example.org\"\n"
     "c.json:3:73: /services/0/tls/peer_names/1: * may only stand for the whole leftmost label, as "
     "in \"*.example.org\"\n"
     "c.json:3:87: /services/0/tls/peer_names/2: * may only stand for the whole leftmost label, as "
     "in \"*.example.org\"\n"
     "c.json:3:92: /services/0/tls/peer_names/3: * may only stand for the whole leftmost label, as "
     "in \"*.example.org\"\n"},
    {"peer name with bad labels",
     TLS("'client_auth': 'require', 'ca': 'ca.pem', 'peer_names': ['a..b', '-a.b', 'a-.b', 'a.b.', "
         "'llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll.b']"),
     "c.json:3:58: /services/0/tls/peer_names/0: must be a DNS name, an IP address, or a name with "
     "its kind before it: dns:, ip:, uri:, email: or cn:\n"
     "c.json:3:66: /services/0/tls/peer_names/1: must be a DNS name, an IP address, or a name with "
     "its kind before it: dns:, ip:, uri:, email: or cn:\n"
     "c.json:3:74: /services/0/tls/peer_names/2: must be a DNS name, an IP address, or a name with "
     "its kind before it: dns:, ip:, uri:, email: or cn:\n"
     "c.json:3:82: /services/0/tls/peer_names/3: must be a DNS name, an IP address, or a name with "
     "its kind before it: dns:, ip:, uri:, email: or cn:\n"
     "c.json:3:90: /services/0/tls/peer_names/4: must be a DNS name, an IP address, or a name with "
     "its kind before it: dns:, ip:, uri:, email: or cn:\n"},
    {"peer name like an address",
     TLS("'client_auth': 'require', 'ca': 'ca.pem', 'peer_names': ['1.2.3', '1.2.3.256', '[::1]']"),
     "c.json:3:58: /services/0/tls/peer_names/0: must be a DNS name, an IP address, or a name with "
     "its kind before it: dns:, ip:, uri:, email: or cn:\n"
     "c.json:3:67: /services/0/tls/peer_names/1: must be a DNS name, an IP address, or a name with "
     "its kind before it: dns:, ip:, uri:, email: or cn:\n"
     "c.json:3:80: /services/0/tls/peer_names/2: an IPv6 address is written without brackets "
     "here\n"},
    {"peer name not ASCII",
     TLS("'client_auth': 'require', 'ca': 'ca.pem', 'peer_names': ['\\u00e4.example']"),
     "c.json:3:58: /services/0/tls/peer_names/0: must be ASCII; write an international name in its "
     "xn-- form\n"},
    {"peer name with bad URIs",
     TLS("'client_auth': 'require', 'ca': 'ca.pem', 'peer_names': ['uri:', 'uri:1x:y', 'uri:a b', "
         "'uri:x:']"),
     "c.json:3:58: /services/0/tls/peer_names/0: uri: must be followed by a URI, as in "
     "\"uri:spiffe://example.org/peer\"\n"
     "c.json:3:66: /services/0/tls/peer_names/1: uri: must be followed by a URI, as in "
     "\"uri:spiffe://example.org/peer\"\n"
     "c.json:3:78: /services/0/tls/peer_names/2: uri: must be followed by a URI, as in "
     "\"uri:spiffe://example.org/peer\"\n"
     "c.json:3:89: /services/0/tls/peer_names/3: uri: must be followed by a URI, as in "
     "\"uri:spiffe://example.org/peer\"\n"},
    {"pin without kind",
     TLS("'client_auth': 'require', 'peer_pins': "
         "['0123456789abcdefABCDEF01234567890123456789abcdefABCDEF0123456789']"),
     "c.json:3:41: /services/0/tls/peer_pins/0: must be sha256: and the 64 hex digits of the "
     "SHA-256 of the peer's public key (SubjectPublicKeyInfo), without colons between them\n"},
    {"pin too short",
     TLS("'client_auth': 'require', 'peer_pins': "
         "['sha256:0123456789abcdefABCDEF01234567890123456789abcdefABCDEF012345678']"),
     "c.json:3:41: /services/0/tls/peer_pins/0: must be sha256: and the 64 hex digits of the "
     "SHA-256 of the peer's public key (SubjectPublicKeyInfo), without colons between them\n"},
    {"pin with colons",
     TLS("'client_auth': 'require', 'peer_pins': "
         "['sha256:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:ab:"
         "ab:ab:ab:ab:ab:ab']"),
     "c.json:3:41: /services/0/tls/peer_pins/0: must be sha256: and the 64 hex digits of the "
     "SHA-256 of the peer's public key (SubjectPublicKeyInfo), without colons between them\n"},
    {"server_name an address", TLS("'server_name': '192.0.2.1'"),
     "c.json:3:16: /services/0/tls/server_name: must be a DNS name; TLS sends no addresses or "
     "wildcards\n"},
    {"server_name a wildcard", TLS("'server_name': '*.example'"),
     "c.json:3:16: /services/0/tls/server_name: must be a DNS name; TLS sends no addresses or "
     "wildcards\n"},
    {"min_version too old", TLS("'min_version': '1.1'"),
     "c.json:3:16: /services/0/tls/min_version: must be \"1.2\" or \"1.3\"\n"},
    {"min_version a number", TLS("'min_version': 1.2"),
     "c.json:3:16: /services/0/tls/min_version: must be \"1.2\" or \"1.3\", not a number\n"},
    {"alpn empty string", TLS("'alpn': ['h2', '']"),
     "c.json:3:16: /services/0/tls/alpn/1: must not be empty\n"},
    {"alpn too long",
     TLS("'alpn': "
         "['"
         "ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp"
         "ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp"
         "pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp']"),
     "c.json:3:10: /services/0/tls/alpn/0: must be at most 255 bytes\n"}};

TEST_BAD_TEXTS(config_values, strings, strings)

static const struct bad_text addresses[] = {
    {"listen without port", BARE("'name': 'a', 'listen': '127.0.0.1'"),
     "c.json:3:24: /services/0/listen: the port is missing; an address is host:port, [v6]:port or "
     "unix:/path\n"},
    {"listen without port, IPv6", BARE("'name': 'a', 'listen': '[::1]'"),
     "c.json:3:24: /services/0/listen: the port is missing; an address is host:port, [v6]:port or "
     "unix:/path\n"},
    {"listen without host", BARE("'name': 'a', 'listen': ':443'"),
     "c.json:3:24: /services/0/listen: the host is missing; use 0.0.0.0 or [::] for all "
     "addresses\n"},
    {"listen on a star", BARE("'name': 'a', 'listen': '*:443'"),
     "c.json:3:24: /services/0/listen: * is not a host; use 0.0.0.0 or [::] for all addresses\n"},
    {"listen on IPv6 without brackets", BARE("'name': 'a', 'listen': '::1:443'"),
     "c.json:3:24: /services/0/listen: an IPv6 address must stand in brackets, as in [::1]:443\n"},
    {"IPv4 in brackets", BARE("'name': 'a', 'listen': '[127.0.0.1]:443'"),
     "c.json:3:24: /services/0/listen: the brackets must hold an IPv6 address\n"},
    {"empty zone", BARE("'name': 'a', 'listen': '[fe80::1%]:443'"),
     "c.json:3:24: /services/0/listen: the brackets must hold an IPv6 address\n"},
    {"port too large", BARE("'name': 'a', 'listen': '127.0.0.1:65536'"),
     "c.json:3:24: /services/0/listen: the port must be a number from 0 to 65535\n"},
    {"port a name", BARE("'name': 'a', 'listen': '127.0.0.1:https'"),
     "c.json:3:24: /services/0/listen: the port must be a number from 0 to 65535\n"},
    {"port empty", BARE("'name': 'a', 'listen': '127.0.0.1:'"),
     "c.json:3:24: /services/0/listen: the port must be a number from 0 to 65535\n"},
    {"port with a leading zero", BARE("'name': 'a', 'listen': '127.0.0.1:0443'"),
     "c.json:3:24: /services/0/listen: the port must be a number from 0 to 65535\n"},
    {"host like an address", BARE("'name': 'a', 'listen': '127.0.0.300:443'"),
     "c.json:3:24: /services/0/listen: the host must be a name, an IPv4 address, or an IPv6 "
     "address in brackets\n"},
    {"host with a space", BARE("'name': 'a', 'listen': 'my host:443'"),
     "c.json:3:24: /services/0/listen: the host must be a name, an IPv4 address, or an IPv6 "
     "address in brackets\n"},
    {"unix without path", BARE("'name': 'a', 'listen': 'unix:'"),
     "c.json:3:24: /services/0/listen: a path must follow unix:\n"},
    {"unix path too long",
     BARE("'name': 'a', 'listen': "
          "'unix:/"
          "pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp"
          "ppppppppppppppppppp'"),
     "c.json:3:24: /services/0/listen: the path of a unix: address must be at most 107 bytes\n"},
    {"listen a number", BARE("'name': 'a', 'listen': 443"),
     "c.json:3:24: /services/0/listen: must be an address in a string, not a number\n"},
    {"forward to port 0",
     RAW("{\"services\": [{\"name\": \"a\", \"listen\": \"[::1]:1\", \"role\": \"server\", "
         "\"tls\": {\"certificate\": \"peer.pem\"},\n \"forward\": \"127.0.0.1:0\"}]}"),
     "c.json:2:13: /services/0/forward: port 0 is only for listening\n"}};

TEST_BAD_TEXTS(config_values, addresses, addresses)
