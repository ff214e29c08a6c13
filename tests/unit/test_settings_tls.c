/* The setters of actpass_tls.h. */
#include "server/lib/settings.h"
#include "tests/support/certs.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(settings_tls, .timeout = 20);

static void assert_says(const actpass_config *config, const char *what)
{
    cr_assert_not_null(strstr(actpass_config_error(config), what), "\"%s\" has no \"%s\"",
                       actpass_config_error(config), what);
}

Test(settings_tls, certificates_by_server_name)
{
    actpass_config *config = actpass_config_new();
    const struct config_tls *tls = &config->connection.tls;
    cr_assert_eq(actpass_config_add_certificate(config, "a.example", "a.pem", "a.key"), 0);
    cr_assert_eq(actpass_config_add_certificate(config, "b.example", "b.pem", "b.key"), 0);
    cr_assert_eq(actpass_config_add_certificate(config, "*.a.example", "a.pem", "a.key"), 0);
    cr_assert_eq(actpass_config_add_certificate(config, "c.example", "a.pem", "b.key"), 0);
    cr_assert_eq(actpass_config_add_certificate(config, "", "d.pem", "d.key"), -1);
    assert_says(config, "empty");
    cr_assert_eq(actpass_config_add_certificate(config, NULL, "d.pem", "d.key"), -1);
    cr_assert_eq(actpass_config_add_certificate(config, "d.example", "d.pem", NULL), -1);
    assert_says(config, "a certificate file and a key file");
    cr_assert_eq(tls->certificate_count, 3);
    cr_assert_eq(tls->certificates[0].server_names.count, 2);
    cr_assert_str_eq(tls->certificates[0].server_names.items[1], "*.a.example");
    cr_assert_str_eq(tls->certificates[1].certificate, "b.pem");
    cr_assert_str_eq(tls->certificates[2].key, "b.key");
    cr_assert_eq(actpass_config_set_unknown_name(config, ACTPASS_UNKNOWN_NAME_REFUSE), 0);
    cr_assert_eq(tls->unknown_server_name, CONFIG_UNKNOWN_NAME_REFUSE);
    cr_assert_eq(actpass_config_set_unknown_name(config, (actpass_unknown_name)7), -1);
    assert_says(config, "or is refused");
    cr_assert_eq(tls->unknown_server_name, CONFIG_UNKNOWN_NAME_REFUSE);
    actpass_config_free(config);
}

Test(settings_tls, revocation_and_any_peer)
{
    actpass_config *config = actpass_config_new();
    const struct config_tls *tls = &config->connection.tls;
    cr_assert_eq(actpass_config_set_crl(config, "a.crl"), 0);
    cr_assert_str_eq(tls->crl, "a.crl");
    cr_assert_eq(actpass_config_set_crl(config, NULL), 0);
    cr_assert_null(tls->crl);
    cr_assert_eq(actpass_config_set_ocsp_response(config, "a.der"), 0);
    cr_assert_str_eq(tls->ocsp_response, "a.der");
    cr_assert_not(tls->insecure_any_peer);
    cr_assert_eq(actpass_config_set_insecure_any_peer(config, 1), 0);
    cr_assert(tls->insecure_any_peer);
    cr_assert_eq(actpass_config_set_insecure_any_peer(config, 0), 0);
    cr_assert_not(tls->insecure_any_peer);
    actpass_config_free(config);
}

Test(settings_tls, sessions)
{
    static const struct {
        const char *where, *keys;
        const char *wrong; /* NULL: nothing */
    } rows[] = {{"off", NULL, NULL},
                {"memory", NULL, NULL},
                {"tickets", NULL, NULL},
                {"tickets", "a.keys", NULL},
                {"file:/run/s", "a.keys", NULL},
                {"redis://a.example:7000/2", "a.keys", NULL},
                {"redis:unix:/run/r", "a.keys", NULL},
                {NULL, NULL, "no place"},
                {"disk", NULL, "must be \"off\""},
                {"file:/run/s", NULL, "give a key file"},
                {"redis:unix:/run/r", NULL, "give a key file"},
                {"memory", "a.keys", "give no key file"},
                {"off", "a.keys", "give no key file"}};
    actpass_config *config = actpass_config_new();
    const struct config_tls *tls = &config->connection.tls;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int result = actpass_config_set_sessions(config, rows[i].where, rows[i].keys);
        cr_assert_eq(result, rows[i].wrong ? -1 : 0, "row %zu: %s", i,
                     actpass_config_error(config));
        if (rows[i].wrong) {
            assert_says(config, rows[i].wrong);
            cr_assert_str_eq(tls->sessions.text, "redis:unix:/run/r", "row %zu", i);
            continue;
        }
        cr_assert_str_eq(tls->sessions.text, rows[i].where);
        cr_assert_eq(!!tls->session_key_file, !!rows[i].keys, "row %zu", i);
    }
    cr_assert_str_eq(tls->session_key_file, "a.keys", "a refused value changes nothing");
    cr_assert_eq(tls->session_timeout_ms, 300000);
    cr_assert_eq(actpass_config_set_timeout(config, ACTPASS_SESSION_TIMEOUT, 1000), 0);
    cr_assert_eq(tls->session_timeout_ms, 1000);
    const int64_t wrong[] = {ACTPASS_NEVER, 0, 999, 86400001};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        cr_assert_eq(actpass_config_set_timeout(config, ACTPASS_SESSION_TIMEOUT, wrong[i]), -1);
    assert_says(config, "86400000");
    cr_assert_eq(tls->session_timeout_ms, 1000);
    actpass_config_free(config);
}

/* They arrive where the JSON keys do: a file that is not there is named at the first use. */
Test(settings_tls, what_is_set_is_used)
{
    struct test_pair *pair = test_pair_new();
    enum { CRL, OCSP, CERTIFICATE, KEYS, ANY, REFUSE, ALPN, ROWS };
    static const char *const texts[ROWS] = {"/no/a.crl",
                                            "/no/a.der",
                                            "/no/a.pem",
                                            "/no/keys",
                                            "insecure_any_peer contradicts",
                                            "takes known ones",
                                            "require_alpn needs alpn"};
    for (int i = 0; i < ROWS; i++) {
        actpass_config *config = actpass_config_new();
        int failed =
            actpass_config_set_role(config, ACTPASS_ROLE_SERVER) |
            actpass_config_set_identity(config, pair->ends[0].certificate, pair->ends[0].key) |
            actpass_config_set_ca(config, pair->ca);
        if (i == CRL)
            failed |= actpass_config_set_crl(config, "/no/a.crl");
        if (i == OCSP)
            failed |= actpass_config_set_ocsp_response(config, "/no/a.der");
        if (i == CERTIFICATE)
            failed |= actpass_config_add_certificate(config, "a.example", "/no/a.pem", "/no/a.key");
        if (i == KEYS)
            failed |= actpass_config_set_sessions(config, "tickets", "/no/keys");
        if (i == ANY)
            failed |= actpass_config_set_insecure_any_peer(config, 1);
        if (i == REFUSE)
            failed |= actpass_config_set_unknown_name(config, ACTPASS_UNKNOWN_NAME_REFUSE);
        if (i == ALPN)
            failed |= actpass_config_set_require_alpn(config, 1);
        cr_assert_eq(failed, 0, "row %d", i);
        cr_assert_not(settings_freeze(config), "row %d", i);
        assert_says(config, texts[i]);
        actpass_config_free(config);
    }
    test_pair_free(pair);
}
