#include "config/routes.h"

#include "config/internal.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* A configuration whose service has these two routes. */
static struct config *parse(const char *first, const char *second)
{
    struct config_report report;
    char *text = NULL;
    cr_assert_geq(asprintf(&text,
                           "{\"services\": [{\"name\": \"s\", \"listen\": \"127.0.0.1:1\", "
                           "\"refuse\": true, \"tls\": {\"certificate\": \"/dev/null\", \"key\": "
                           "\"/dev/null\", \"client_auth\": \"require\", \"ca\": \"/dev/null\", "
                           "\"peer_names\": [\"p\"], \"alpn\": [\"h2\", \"x\"]}, \"routes\": ["
                           "{%s, \"echo\": true}, {%s, \"echo\": true}]}]}",
                           first, second),
                  0);
    for (char *at = text; *at; at++)
        if (*at == '\'')
            *at = '"';
    struct config *config = config_parse("c.json", text, strlen(text), &report);
    for (size_t i = 0; i < report.errors.count; i++)
        cr_assert(!!strstr(report.errors.items[i], "is never reached"), "%s",
                  report.errors.items[i]);
    bool reached = report.errors.count == 0;
    cr_assert_eq(reached, !!config);
    config_report_free(&report);
    free(text);
    return config;
}

static void check(const char *first, const char *second, bool covers)
{
    struct config *config = parse(first, second);
    cr_assert_eq(!config, covers, "%s, then %s", first, second);
    config_free(config);
}

Test(routes, what_an_earlier_one_takes)
{
    static const struct {
        const char *first, *second;
        bool covers, covers_back;
    } rows[] = {
        {"'server_name': ['*.a']", "'server_name': ['x.a', 'Y.A']", true, false},
        {"'server_name': ['*.a']", "'server_name': ['*.a']", true, true},
        {"'server_name': ['*.a']", "'server_name': ['x.y.a']", false, false},
        {"'server_name': ['*.a']", "'server_name': ['a']", false, false},
        {"'server_name': ['a', 'b']", "'server_name': ['b', 'c']", false, false},
        {"'alpn': ['h2', 'x']", "'alpn': ['x']", true, false},
        {"'alpn': ['h2']", "'alpn': ['h2'], 'from': ['10.0.0.0/8']", true, false},
        {"'role': 'server'", "'server_name': ['a']", true, false},
        {"'role': 'client'", "'server_name': ['a']", false, false},
        {"'role': 'client'", "'role': 'server'", false, false},
        {"'role': 'client'", "'role': 'client', 'alpn': ['x']", true, false},
        {"'peer_name': ['*.d']", "'peer_name': ['x.d']", true, false},
        {"'peer_name': ['*.d']", "'peer_name': ['cn:x.d']", false, false},
        {"'peer_name': ['cn:x', 'ip:10.0.0.1']", "'peer_name': ['ip:10.0.0.1']", true, false},
        {"'from': ['10.0.0.0/8', '::/0']", "'from': ['10.1.0.0/16', '2001:db8::/32']", true, false},
        {"'from': ['10.0.0.0/8']", "'from': ['11.0.0.0/8']", false, false},
        {"'peer_pin': ['sha256:"
         "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef']",
         "'peer_pin': ['sha256:"
         "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef']",
         false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check(rows[i].first, rows[i].second, rows[i].covers);
        check(rows[i].second, rows[i].first, rows[i].covers_back);
    }
}
