/* A value goes through JSON and through the setter of the C API: both accept it, or both refuse it
 * with the same reason. */
#include "server/lib/settings.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))
#define L10 "aaaaaaaaaa"
#define L50 L10 L10 L10 L10 L10
#define L64 L50 L10 "aaaa"
#define L250 L50 L50 L50 L50 L50
#define HEX "00112233445566778899aabbccddeeff0102030405060708090a0b0c0d0e0f"

typedef int setter(actpass_config *config, const char *value);

static int add_certificate(actpass_config *config, const char *value)
{
    return actpass_config_add_certificate(config, value, "a.pem", "a.key");
}

static int set_ciphers(actpass_config *config, const char *value)
{
    return actpass_config_set_ciphers(config, value, NULL);
}

static int set_ciphersuites(actpass_config *config, const char *value)
{
    return actpass_config_set_ciphers(config, NULL, value);
}

static int set_certificate(actpass_config *config, const char *value)
{
    return actpass_config_set_identity(config, value, "a.key");
}

static int set_password(actpass_config *config, const char *value)
{
    return actpass_config_set_sessions_access(config, value, NULL);
}

static int set_sessions(actpass_config *config, const char *value)
{
    return actpass_config_set_sessions(config, value, "a.keys");
}

static int set_proxy(actpass_config *config, const char *value)
{
    return actpass_config_set_dial_through(config, value, NULL);
}

/* A key of "tls", or of the service; FORMAT is how its value is written, with %s for the string. */
static const struct key_test {
    const char *name, *format;
    setter *set;
} names = {"peer_names", "[%s]", actpass_config_add_peer_name},
  pins = {"peer_pins", "[%s]", actpass_config_add_peer_pin},
  alpn = {"alpn", "[%s]", actpass_config_add_alpn},
  server_name = {"server_name", "%s", actpass_config_set_server_name},
  server_names = {"server_names", "[%s]", add_certificate},
  ciphers = {"ciphers", "%s", set_ciphers}, ciphersuites = {"ciphersuites", "%s", set_ciphersuites},
  groups = {"groups", "%s", actpass_config_set_groups},
  certificate = {"certificate", "%s", set_certificate}, ca = {"ca", "%s", actpass_config_set_ca},
  crl = {"crl", "%s", actpass_config_set_crl},
  ocsp = {"ocsp_response", "%s", actpass_config_set_ocsp_response},
  password = {"sessions_password_file", "%s", set_password},
  sessions = {"sessions", "%s", set_sessions},
  dial_from = {"dial_from", "%s", actpass_config_set_dial_from},
  dial_through = {"dial_through", "%s", set_proxy};

static const struct row {
    const struct key_test *key;
    const char *value;
    bool good;
} rows[] = {
    {&names, "a.example", true},
    {&names, "*.example", true},
    {&names, "192.0.2.1", true},
    {&names, "2001:db8::1", true},
    {&names, "dns:*.example", true},
    {&names, "ip:192.0.2.1", true},
    {&names, "uri:urn:dev:1", true},
    {&names, "email:me@a.example", true},
    {&names, "cn:Some Device", true},
    {&names, "", false},
    {&names, "a..b", false},
    {&names, "a.*.b", false},
    {&names, "a b", false},
    {&names, "b\303\274cher.example", false},
    {&names, "a\001b", false},
    {&names, "[::1]", false},
    {&names, "300.1.1.1", false},
    {&names, "DNS:a.example", false},
    {&names, "dns:", false},
    {&names, "dns:192.0.2.1", false},
    {&names, "ip:a.example", false},
    {&names, "ip:[::1]", false},
    {&names, "uri:", false},
    {&names, "uri:none", false},
    {&names, "uri::", false},
    {&names, "uri:1a:b", false},
    {&names, "uri:a:b c", false},
    {&names, "uri:a:", false},
    {&names, "email:a.example", false},
    {&names, "email:@a.example", false},
    {&names, "email:a@b@c.example", false},
    {&names, "email:a b@c.example", false},
    {&names, "email:(a)@c.example", false},
    {&names, "email:\303\244@c.example", false},
    {&names, "email:" L64 "@c.example", true},
    {&names, "email:" L64 "a@c.example", false},
    {&names, "cn:", false},
    {&names, "cn:" L64, true},
    {&names, "cn:" L64 "a", false},
    {&pins, "sha256:" HEX "A0", true},
    {&pins, "sha256:" HEX "A", false},
    {&pins, "sha256:" HEX "A0 ", false},
    {&pins, "sha1:" HEX "A0", false},
    {&pins, "", false},
    {&alpn, "h2", true},
    {&alpn, L250 "aaaaa", true},
    {&alpn, L250 "aaaaaa", false},
    {&alpn, "", false},
    {&alpn, "a\nb", false},
    {&server_name, "a.example", true},
    {&server_name, "*.example", false},
    {&server_name, "192.0.2.1", false},
    {&server_name, "", false},
    {&server_names, "a.example", true},
    {&server_names, "*.example", true},
    {&server_names, "192.0.2.1", false},
    {&server_names, "a.*.b", false},
    {&server_names, "", false},
    {&ciphers, "ECDHE+AESGCM", true},
    {&ciphers, "ALL@SECLEVEL=0", false},
    {&ciphers, "\303\244", false},
    {&ciphersuites, "TLS_AES_128_GCM_SHA256", true},
    {&ciphersuites, "", false},
    {&groups, "X25519:P-256", true},
    {&groups, "\303\244", false},
    {&certificate, "", false},
    {&ca, "", false},
    {&ca, "a\001b", false},
    {&crl, "", false},
    {&ocsp, "", false},
    {&password, "", false},
    {&sessions, "disk", false},
    {&sessions, "redis://a:b@c", false},
    {&sessions, "file:", false},
    {&dial_from, "0.0.0.0:0", true},
    {&dial_from, "[fe80::1%eth0]:1", true},
    {&dial_from, "", false},
    {&dial_from, "localhost:1", false},
    {&dial_from, "unix:/s", false},
    {&dial_from, "127.0.0.1", false},
    {&dial_from, "127.0.0.1:65536", false},
    {&dial_from, "1.1.1.1:1\n", false},
    {&dial_through, "http://proxy.example:3128/", true},
    {&dial_through, "socks5://[::1]:1080", true},
    {&dial_through, "", false},
    {&dial_through, "proxy.example:3128", false},
    {&dial_through, "http://", false},
    {&dial_through, "http:///", false},
    {&dial_through, "http://a:0", false},
    {&dial_through, "http://a:1/b", false},
    {&dial_through, "http://a:b@c:1", false},
    {&dial_through, "socks5://unix:a", false},
    {&dial_through, "socks5h://a:1", false},
    {&dial_through, "http://a:1\n", false},
};

static void write_escaped(FILE *stream, const char *value)
{
    fputc('"', stream);
    for (; *value; value++)
        if ((unsigned char)*value < ' ')
            fprintf(stream, "\\u%04x", (unsigned)*value);
        else
            fprintf(stream, strchr("\"\\", *value) ? "\\%c" : "%c", *value);
    fputc('"', stream);
}

/* A service with this value in its "tls", or in one of its "certificates". */
static char *json_with(const struct row *row)
{
    char *value = NULL, *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&value, &size);
    write_escaped(stream, row->value);
    cr_assert_eq(fclose(stream), 0);
    stream = open_memstream(&text, &size);
    bool in_service = row->key == &dial_from || row->key == &dial_through;
    const char *begin = in_service                  ? "\"dial\": \"a:1\", "
                        : row->key == &server_names ? "\"tls\": {\"certificates\": [{"
                                                    : "\"tls\": {";
    fprintf(stream, "{\"services\": [{%s\"%s\": ", begin, row->key->name);
    fprintf(stream, row->key->format, value);
    fprintf(stream, "%s}]}", row->key == &server_names ? "}]}" : in_service ? "" : "}");
    cr_assert_eq(fclose(stream), 0);
    free(value);
    return text;
}

/* The reason behind "/KEY: " of the message about the value; "" if there is none. */
static void reason_for(const char *text, const char *key, char *reason, size_t size)
{
    char path[64];
    struct config_report report;
    struct config *config = config_parse("c.json", text, strlen(text), &report);
    reason[0] = '\0';
    (void)snprintf(path, sizeof(path), "/%s: ", key);
    for (size_t i = 0; i < report.errors.count; i++) {
        const char *at = strstr(report.errors.items[i], path);
        if (at)
            (void)snprintf(reason, size, "%s", at + strlen(path));
    }
    config_free(config);
    config_report_free(&report);
}

/* An item of a list has its index behind the key. */
static void reason_in_json(const struct row *row, char *reason, size_t size)
{
    char key[64];
    char *text = json_with(row);
    (void)snprintf(key, sizeof(key), "%s%s", row->key->name,
                   row->key->format[0] == '[' ? "/0" : "");
    reason_for(text, key, reason, size);
    free(text);
}

Test(settings_same, json_and_setter_accept_the_same_and_say_the_same)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        char reason[512], wanted[600];
        const struct row *row = &rows[i];
        actpass_config *config = actpass_config_new();
        reason_in_json(row, reason, sizeof(reason));
        cr_assert_eq(!*reason, row->good, "%s \"%s\" in JSON: %s", row->key->name, row->value,
                     reason);
        int result = row->key->set(config, row->value);
        cr_assert_eq(result, row->good ? 0 : -1, "%s \"%s\" by its setter: %s", row->key->name,
                     row->value, actpass_config_error(config));
        (void)snprintf(wanted, sizeof(wanted), "%s: %s", row->key->name, reason);
        cr_assert_str_eq(actpass_config_error(config), row->good ? "" : wanted);
        actpass_config_free(config);
    }
}

static const struct {
    const char *key;
    actpass_timeout which;
} timeout_keys[] = {{"initial_data_timeout", ACTPASS_INITIAL_DATA_TIMEOUT},
                    {"handshake_timeout", ACTPASS_HANDSHAKE_TIMEOUT},
                    {"idle_timeout", ACTPASS_IDLE_TIMEOUT},
                    {"write_timeout", ACTPASS_WRITE_TIMEOUT},
                    {"close_timeout", ACTPASS_CLOSE_TIMEOUT},
                    {"connect_timeout", ACTPASS_CONNECT_TIMEOUT},
                    {"session_timeout", ACTPASS_SESSION_TIMEOUT}};
static const struct {
    const char *text;
    int64_t ms;
} timeout_values[] = {
    {"never", ACTPASS_NEVER},      {"0s", 0}, {"1ms", 1}, {"24h", 86400000}, {"8760h", 31536000000},
    {"31536000001ms", 31536000001}};

Test(settings_same, timeouts)
{
    for (size_t i = 0; i < COUNT(timeout_keys) * COUNT(timeout_values); i++) {
        char text[128], reason[512], wanted[600] = "";
        const char *key = timeout_keys[i / COUNT(timeout_values)].key;
        const size_t value = i % COUNT(timeout_values);
        bool tls = strcmp(key, "session_timeout") == 0;
        actpass_config *config = actpass_config_new();
        (void)snprintf(text, sizeof(text),
                       "{\"services\": [{\"dial\": \"a:1\", %s\"%s\": \"%s\"%s}]}",
                       tls ? "\"tls\": {" : "", key, timeout_values[value].text, tls ? "}" : "");
        reason_for(text, key, reason, sizeof(reason));
        if (*reason)
            (void)snprintf(wanted, sizeof(wanted), "%s: %s", key, reason);
        int result = actpass_config_set_timeout(
            config, timeout_keys[i / COUNT(timeout_values)].which, timeout_values[value].ms);
        cr_assert_eq(result, *reason ? -1 : 0, "%s %s", key, timeout_values[value].text);
        cr_assert_str_eq(actpass_config_error(config), wanted, "%s %s", key,
                         timeout_values[value].text);
        actpass_config_free(config);
    }
}

/* What was refused leaves nothing, and what was there stays. */
Test(settings_same, a_refused_value_changes_nothing)
{
    actpass_config *config = actpass_config_new();
    const struct config_tls *tls = &config->connection.tls;
    cr_assert_eq(actpass_config_add_peer_name(config, "a.example"), 0);
    cr_assert_eq(actpass_config_set_ciphers(config, "HIGH", "TLS_AES_128_GCM_SHA256"), 0);
    cr_assert_eq(actpass_config_set_server_name(config, "a.example"), 0);
    cr_assert_eq(actpass_config_set_chain_limits(config, 2048, 2), 0);
    cr_assert_eq(actpass_config_add_peer_name(config, "no name"), -1);
    cr_assert_eq(actpass_config_set_ciphers(config, "LOW", "\303\244"), -1);
    cr_assert_eq(actpass_config_set_server_name(config, "no name"), -1);
    cr_assert_eq(actpass_config_set_chain_limits(config, 4096, 101), -1);
    cr_assert_str_eq(actpass_config_error(config), "verify_depth: must be from 1 to 100");
    cr_assert_eq(tls->peer_names.count, 1);
    cr_assert_str_eq(tls->ciphers, "HIGH");
    cr_assert_str_eq(tls->ciphersuites, "TLS_AES_128_GCM_SHA256");
    cr_assert_str_eq(tls->server_name, "a.example");
    cr_assert_eq(tls->max_certificate_list, 2048);
    cr_assert_eq(tls->verify_depth, 2);
    actpass_config_free(config);
}

/* Lists have the length that they may have in JSON. */
Test(settings_same, a_list_has_the_same_limit)
{
    actpass_config *config = actpass_config_new();
    for (int i = 0; i < 255; i++)
        cr_assert_eq(actpass_config_add_alpn(config, "h2"), 0);
    cr_assert_eq(actpass_config_add_alpn(config, "h2"), -1);
    cr_assert_str_eq(actpass_config_error(config), "alpn: must have at most 255 items");
    cr_assert_eq(config->connection.tls.alpn.count, 255);
    actpass_config_free(config);
}
