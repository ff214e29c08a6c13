/* Who may ask the admin listener. What it answers is tested by tests/e2e/test_admin.py. */
#include "server/daemon/admin/answer.h"

#include <criterion/criterion.h>

/* A page of evil.example can make the name evil.example stand for 127.0.0.1, but the browser says
 * that name. */
Test(answer, hosts)
{
    static const struct {
        const char *host;
        bool local;
    } rows[] = {
        {NULL, true},
        {"localhost", true},
        {"LocalHost:9090", true},
        {"127.0.0.1", true},
        {"127.0.0.1:9090", true},
        {"127.255.0.3:1", true},
        {"[::1]", true},
        {"[::1]:9090", true},
        {"", false},
        {":80", false},
        {"evil.example", false},
        {"localhost.evil.example", false},
        {"localhost:", false},
        {"localhost:80x", false},
        {"localhost:80@evil.example", false},
        {"127.0.0.1.evil.example", false},
        {"127.1", false},
        {"127.0.0.1 ", false},
        {"127.0.0.1:80:80", false},
        {"128.0.0.1", false},
        {"0.0.0.0", false},
        {"::1", false},
        {"[::1", false},
        {"[::1]x", false},
        {"[::ffff:127.0.0.1]", false},
        {"2130706433", false},
        {"a-name-that-is-longer-than-any-address:80", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_assert_eq(answer_is_local(rows[i].host), rows[i].local, "%s",
                     rows[i].host ? rows[i].host : "none");
}

Test(answer, methods)
{
    static const char *const others[] = {"POST", "PUT", "DELETE", "OPTIONS", "get", "GETS", ""};
    cr_assert(answer_knows_method("GET"));
    cr_assert(answer_knows_method("HEAD"));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        cr_assert_not(answer_knows_method(others[i]), "%s", others[i]);
}
