/* Unknown, misplaced and duplicate keys, and values of the wrong type. */
#include "tests/unit/test_config.h"

static const struct bad_text keys[] = {
    {"unknown top key", TOP("'colour': 1"),
     "c.json:3:1: /colour: unknown key; known here: \"$schema\", \"log\", \"shutdown_timeout\" and "
     "\"services\"\n"},
    {"misspelt top key", TOP("'shutdown_timout': '5s'"),
     "c.json:3:1: /shutdown_timout: unknown key, did you mean \"shutdown_timeout\"?\n"},
    {"key with a hyphen", TOP("'shutdown-timeout': '5s'"),
     "c.json:3:1: /shutdown-timeout: unknown key, did you mean \"shutdown_timeout\"?\n"},
    {"key of another case", TOP("'Log': {}"),
     "c.json:3:1: /Log: unknown key, did you mean \"log\"?\n"},
    {"key of an inner object", TOP("'level': 'info'"),
     "c.json:3:1: /level: unknown key here, it belongs under \"log\"\n"},
    {"key with odd characters", TOP("'a/b~c\\u001b\\u0085\\n': 1"),
     "c.json:3:1: /a~1b~0c\\u001b\\u0085\\u000a: unknown key; known here: \"$schema\", \"log\", "
     "\"shutdown_timeout\" and \"services\"\n"},
    {"overlong key",
     TOP("'kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk': 1"),
     "c.json:3:1: /kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk...: unknown "
     "key; known here: \"$schema\", \"log\", \"shutdown_timeout\" and \"services\"\n"},
    {"duplicate key", TOP("'log': {}, 'log': {}"),
     "c.json:3:12: /log: duplicate key, first given at 3:1\n"},
    {"duplicate key, escaped", TOP("'log': {}, 'l\\u006fg': {}"),
     "c.json:3:12: /log: duplicate key, first given at 3:1\n"},
    {"three times", TOP("'log': {},\n'log': {},\n'log': {}"),
     "c.json:4:1: /log: duplicate key, first given at 3:1\n"
     "c.json:5:1: /log: duplicate key, first given at 3:1\n"},
    {"duplicate inside an unknown object", TOP("'zzzzzzzzz': {'a': 1, 'a': 2}"),
     "c.json:3:1: /zzzzzzzzz: unknown key; known here: \"$schema\", \"log\", \"shutdown_timeout\" "
     "and \"services\"\n"
     "c.json:3:23: /zzzzzzzzz/a: duplicate key, first given at 3:15\n"},
    {"unknown log key", TOP("'log': {'file': 'x'}"),
     "c.json:3:9: /log/file: unknown key; known here: \"level\" and \"format\"\n"},
    {"unknown service key", SERVICE("'port': 443"),
     "c.json:3:1: /services/0/port: unknown key; actpass --schema prints the known ones\n"},
    {"misspelt service key", SERVICE("'transpotr': 'relay'"),
     "c.json:3:1: /services/0/transpotr: unknown key, did you mean \"transport\"?\n"},
    {"service key inside tls", TLS("'rol': 'auto'"),
     "c.json:3:1: /services/0/tls/rol: unknown key, did you mean \"role\"? It belongs one level "
     "up\n"},
    {"tls key in the service", SERVICE("'certificat': 'peer.pem'"),
     "c.json:3:1: /services/0/certificat: unknown key, did you mean \"certificate\"? It belongs "
     "under \"tls\"\n"},
    {"unknown tls key", TLS("'password': 'x'"),
     "c.json:3:1: /services/0/tls/password: unknown key; actpass --schema prints the known ones\n"},
    {"misspelt required key stands for it", RAW("{\"servics\": []}"),
     "c.json:1:2: /servics: unknown key, did you mean \"services\"?\n"}};

TEST_BAD_TEXTS(config_keys, keys, keys)

static const struct bad_text types[] = {
    {"$schema a number", TOP("'$schema': 1"),
     "c.json:3:12: /$schema: must be a string, not a number\n"},
    {"log a string", TOP("'log': 'info'"), "c.json:3:8: /log: must be an object, not a string\n"},
    {"level unknown", TOP("'log': {'level': 'warn'}"),
     "c.json:3:18: /log/level: must be \"error\", \"warning\", \"info\" or \"debug\"\n"},
    {"level a number", TOP("'log': {'level': 3}"),
     "c.json:3:18: /log/level: must be \"error\", \"warning\", \"info\" or \"debug\", not a "
     "number\n"},
    {"format unknown", TOP("'log': {'format': 'JSON'}"),
     "c.json:3:19: /log/format: must be \"logfmt\" or \"json\"\n"},
    {"services an object", RAW("{\"services\": {}}"),
     "c.json:1:14: /services: must be a list of objects, not an object\n"},
    {"services empty", RAW("{\"services\": []}"), "c.json:1:14: /services: must not be empty\n"},
    {"service a string", RAW("{\"services\": [\"a\"]}"),
     "c.json:1:15: /services/0: must be an object, not a string\n"},
    {"service empty", RAW("{\"services\": [{}]}"),
     "c.json:1:15: /services/0: \"name\" is missing\n"
     "c.json:1:15: /services/0: \"tls\" is missing\n"
     "c.json:1:15: /services/0: \"listen\" or \"dial\" is missing\n"
     "c.json:1:15: /services/0: the conversation is missing: add \"forward\", \"echo\" or "
     "\"http\", or one for each role under \"as_server\" and \"as_client\"\n"},
    {"role unknown",
     RAW("{\"services\": [{\"name\": \"a\", \"listen\": \"[::1]:1\", \"echo\": true,\n \"role\": "
         "\"sever\", \"tls\": {}}]}"),
     "c.json:2:10: /services/0/role: must be \"auto\", \"server\" or \"client\"\n"},
    {"role null",
     RAW("{\"services\": [{\"name\": \"a\", \"listen\": \"[::1]:1\", \"echo\": true,\n \"role\": "
         "null, \"tls\": {}}]}"),
     "c.json:2:10: /services/0/role: must be \"auto\", \"server\" or \"client\", not null\n"},
    {"transport unknown", SERVICE("'transport': 'pair'"),
     "c.json:3:14: /services/0/transport: must be \"relay\" or \"direct\"\n"},
    {"max_connections a string", SERVICE("'max_connections': '5'"),
     "c.json:3:20: /services/0/max_connections: must be a whole number, not a string\n"},
    {"max_connections zero", SERVICE("'max_connections': 0"),
     "c.json:3:20: /services/0/max_connections: must be from 1 to 1000000\n"},
    {"max_connections negative", SERVICE("'max_connections': -1"),
     "c.json:3:20: /services/0/max_connections: must be from 1 to 1000000\n"},
    {"max_connections too large", SERVICE("'max_connections': 1000001"),
     "c.json:3:20: /services/0/max_connections: must be from 1 to 1000000\n"},
    {"max_connections with a point", SERVICE("'max_connections': 10.0"),
     "c.json:3:20: /services/0/max_connections: must be a whole number in plain digits\n"},
    {"max_connections with an exponent", SERVICE("'max_connections': 1e3"),
     "c.json:3:20: /services/0/max_connections: must be a whole number in plain digits\n"},
    {"max_connections huge", SERVICE("'max_connections': 99999999999999999999999999999999999999"),
     "c.json:3:20: /services/0/max_connections: must be from 1 to 1000000\n"},
    {"tls a string",
     RAW("{\"services\": [{\"name\": \"a\", \"listen\": \"[::1]:1\", \"echo\": true, \"tls\": "
         "\"peer.pem\"}]}"),
     "c.json:1:71: /services/0/tls: must be an object, not a string\n"},
    {"insecure_any_peer a string", TLS("'insecure_any_peer': 'yes'"),
     "c.json:3:22: /services/0/tls/insecure_any_peer: must be true or false, not a string\n"}};

TEST_BAD_TEXTS(config_keys, types, types)
