/* Each setter of the API with values that make no sense: it returns -1, names what is wrong, and
 * changes nothing. */
#include "tests/unit/test_settings.h"

#include <stdlib.h>

TestSuite(settings_nonsense, .timeout = 20);

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

/* One letter, too often for any name; the pointer is compared by the calls below. */
static char long_text[70001];

/* Each: one value to a setter, with good values beside it. */
typedef int setter(actpass_config *config, const char *value);

static int certificate(actpass_config *config, const char *value)
{
    return actpass_config_set_identity(config, value, "a.key");
}

static int key(actpass_config *config, const char *value)
{
    return actpass_config_set_identity(config, "a.pem", value);
}

static int added_name(actpass_config *config, const char *value)
{
    return actpass_config_add_certificate(config, value, "a.pem", "a.key");
}

static int added_certificate(actpass_config *config, const char *value)
{
    return actpass_config_add_certificate(config, "a.example", value, "a.key");
}

static int added_key(actpass_config *config, const char *value)
{
    return actpass_config_add_certificate(config, "a.example", "a.pem", value);
}

static int ciphers(actpass_config *config, const char *value)
{
    return actpass_config_set_ciphers(config, value, NULL);
}

static int suites(actpass_config *config, const char *value)
{
    return actpass_config_set_ciphers(config, NULL, value);
}

static int sessions(actpass_config *config, const char *value)
{
    return actpass_config_set_sessions(config, value, NULL);
}

static int session_keys(actpass_config *config, const char *value)
{
    return actpass_config_set_sessions(config, "tickets", value);
}

static int password(actpass_config *config, const char *value)
{
    return actpass_config_set_sessions_access(config, value, NULL);
}

static int sessions_ca(actpass_config *config, const char *value)
{
    return actpass_config_set_sessions_access(config, NULL, value);
}

static int pem(actpass_config *config, const char *value)
{
    return actpass_config_set_identity_pem(config, value, value);
}

static int added_pem(actpass_config *config, const char *value)
{
    return actpass_config_add_certificate_pem(config, "a.example", value, value);
}

static int proxy(actpass_config *config, const char *value)
{
    return actpass_config_set_dial_through(config, value, NULL);
}

static int proxy_password(actpass_config *config, const char *value)
{
    return actpass_config_set_dial_through(config, "http://a:1", value);
}

static int file(actpass_config *config, const char *value)
{
    return actpass_config_load(config, value, NULL);
}

static int text(actpass_config *config, const char *value)
{
    return actpass_config_load_text(config, value, value ? strlen(value) : 0, NULL);
}

/* NULL where it stands for the default has no row. */
#define NULL_AND_EMPTY(set) \
    {set, NULL},            \
    {                       \
        set, ""             \
    }
static const struct {
    setter *set;
    const char *value;
} rows[] = {
    NULL_AND_EMPTY(certificate),
    NULL_AND_EMPTY(key),
    NULL_AND_EMPTY(actpass_config_set_ca),
    {actpass_config_set_ca, "a\nb"},
    NULL_AND_EMPTY(actpass_config_add_peer_name),
    {actpass_config_add_peer_name, "a b"},
    {actpass_config_add_peer_name, "256.1.1.1"},
    {actpass_config_add_peer_name, "ip:a"},
    {actpass_config_add_peer_name, long_text},
    NULL_AND_EMPTY(actpass_config_add_peer_pin),
    {actpass_config_add_peer_pin, "sha256:12"},
    {actpass_config_add_peer_pin, "nonsense"},
    {actpass_config_add_peer_pin, long_text},
    NULL_AND_EMPTY(actpass_config_add_alpn),
    {actpass_config_add_alpn, long_text},
    {actpass_config_set_server_name, ""},
    {actpass_config_set_server_name, "a b"},
    {actpass_config_set_server_name, "192.0.2.1"},
    {actpass_config_set_server_name, long_text},
    {ciphers, ""},
    {ciphers, "NONSENSE"},
    {ciphers, "aNULL"},
    {ciphers, long_text},
    {suites, ""},
    {suites, "NONSENSE"},
    {suites, long_text},
    {actpass_config_set_groups, ""},
    {actpass_config_set_groups, "NONSENSE"},
    {actpass_config_set_groups, long_text},
    NULL_AND_EMPTY(actpass_config_add_dial_source),
    {actpass_config_add_dial_source, "127.0.0.1:1"},
    {actpass_config_add_dial_source, "a.example"},
    {actpass_config_add_dial_source, long_text},
    {actpass_config_set_dial_device, ""},
    {actpass_config_set_dial_device, "a/b"},
    {actpass_config_set_dial_device, long_text},
    {actpass_config_set_dial_from, ""},
    {actpass_config_set_dial_from, "nonsense"},
    {actpass_config_set_dial_from, "127.0.0.1:99999"},
    {actpass_config_set_dial_from, long_text},
    {proxy, ""},
    {proxy, "nonsense"},
    {proxy, "http://a:b@c:1"},
    {proxy, long_text},
    {proxy_password, ""},
    {proxy_password, "a\nb"},
    NULL_AND_EMPTY(added_name),
    {added_name, "a b"},
    {added_name, long_text},
    NULL_AND_EMPTY(added_certificate),
    NULL_AND_EMPTY(added_key),
    {actpass_config_set_crl, ""},
    {actpass_config_set_ocsp_response, ""},
    NULL_AND_EMPTY(sessions),
    {sessions, "nonsense"},
    {sessions, "redis://a:b:c"},
    {sessions, "file:/without/keys"},
    {session_keys, ""},
    {password, ""},
    {sessions_ca, ""},
    NULL_AND_EMPTY(pem),
    {pem, "nonsense"},
    {pem, long_text},
    NULL_AND_EMPTY(added_pem),
    {added_pem, "nonsense"},
    NULL_AND_EMPTY(actpass_config_set_ca_pem),
    {actpass_config_set_ca_pem, "nonsense"},
    NULL_AND_EMPTY(file),
    {file, "/no/such.json"},
    {file, long_text},
    NULL_AND_EMPTY(text),
    {text, "nonsense"},
    {text, "{}"},
};

/* Compares all that setters set; what they point to is compared by the pointers. A list may have
 * got room for items, of which there are none. */
static bool is_unchanged(const actpass_config *before, const actpass_config *after)
{
    struct config_connection seen;
    memcpy(&seen, &after->connection, sizeof(seen));
    seen.tls.peer_names.items = NULL;
    seen.tls.peer_pins.items = NULL;
    seen.tls.alpn.items = NULL;
    seen.tls.certificates = NULL;
    /* calloc made the padding, and memcpy copies it. */
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c) */
    return memcmp(&before->connection, &seen, sizeof(seen)) == 0 &&
           memcmp(&before->hooks, &after->hooks, sizeof(before->hooks)) == 0 &&
           before->connect_timeout_ms == after->connect_timeout_ms &&
           before->dial_from.text == after->dial_from.text &&
           before->dial_source.from.count == after->dial_source.from.count &&
           before->dial_source.device == after->dial_source.device &&
           before->through.proxy.text == after->through.proxy.text &&
           before->service == after->service;
}

Test(settings_nonsense, texts)
{
    memset(long_text, 'a', sizeof(long_text) - 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        actpass_config *config = actpass_config_new();
        actpass_config before;
        memcpy(&before, config, sizeof(before));
        cr_assert_eq(rows[i].set(config, rows[i].value), -1, "row %zu, %.20s", i,
                     rows[i].value ? rows[i].value : "NULL");
        cr_assert_neq(actpass_config_error(config)[0], '\0', "row %zu", i);
        cr_assert(is_unchanged(&before, config), "row %zu, %.20s", i,
                  rows[i].value ? rows[i].value : "NULL");
        actpass_config_free(config);
    }
}

Test(settings_nonsense, numbers)
{
    actpass_config *config = actpass_config_new();
    actpass_config before;
    memcpy(&before, config, sizeof(before));
    const int results[] = {
        actpass_config_set_role(config, ACTPASS_ROLE_NONE),
        actpass_config_set_role(config, (actpass_role)77),
        actpass_config_set_transport(config, (actpass_transport)-1),
        actpass_config_set_client_auth(config, (actpass_client_auth)4),
        actpass_config_set_unknown_name(config, (actpass_unknown_name)2),
        actpass_config_set_timeout(config, (actpass_timeout)-1, 1),
        actpass_config_set_timeout(config, ACTPASS_CLOSE_TIMEOUT, -7),
        actpass_config_set_timeout(config, ACTPASS_SESSION_TIMEOUT, 999),
        actpass_config_set_tcp_fast_open(config, 2),
        actpass_config_set_tcp_fast_open(config, -1),
        actpass_config_set_require_alpn(config, 2),
        actpass_config_set_insecure_any_peer(config, -1),
        actpass_config_set_min_version(config, 0),
        actpass_config_set_min_version(config, 0x0301),
        actpass_config_set_chain_limits(config, 0, 1),
        actpass_config_set_chain_limits(config, SIZE_MAX, 1),
        actpass_config_set_chain_limits(config, 2048, 0),
    };
    for (size_t i = 0; i < COUNT(results); i++)
        cr_assert_eq(results[i], -1, "call %zu", i);
    cr_assert(is_unchanged(&before, config));
    actpass_config_free(config);
}
