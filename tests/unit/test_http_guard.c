/* Which protected part of a site a path is in. */
#include "server/daemon/handlers/http/guard.h"

#include <criterion/criterion.h>

static int number(const struct http_guard *guard, const struct http_protected *part)
{
    return part ? (int)(part - guard->parts) : -1;
}

static struct http_guard *guard_of(const struct config_http *http)
{
    struct error_text error = {.text = ""};
    struct http_guard *guard = http_guard_new(http, &error);
    cr_assert_not_null(guard, "%s", error.text);
    return guard;
}

Test(http_guard, which_part_a_path_is_in)
{
    static struct config_protected parts[] = {
        {.prefix = (char *)"/secure/"}, {.prefix = (char *)"/Secure/"},
        {.prefix = (char *)"/a/"},      {.prefix = (char *)"/A/b/"},
        {.prefix = (char *)"/a/c/"},    {.prefix = (char *)"/secure/inner/"},
    };
    const struct config_http http = {.protected_paths = parts,
                                     .protected_count = sizeof(parts) / sizeof(*parts)};
    const struct {
        const char *path;
        int part, folded; /* -1: none */
    } rows[] = {
        {"/", -1, -1},
        {"/secure", 0, -1},
        {"/secure/", 0, -1},
        {"/secure/x", 0, -1},
        {"/secured", -1, -1},
        {"/x/secure/", -1, -1},
        {"/Secure", 1, -1},
        {"/Secure/x", 1, -1},
        {"/secure/x/y", 0, -1},
        {"/secure.html", -1, -1},
        {"/secure/inner", 5, -1},
        {"/secure/inner/x", 5, -1},
        {"/secure/INNER/x", 0, 5},
        {"/secure/inner2", 0, -1},
        {"/SECURE/x", -1, 0}, /* which of the two is as good as the other */
        {"/a/x", 2, -1},
        {"/a/b/x", 2, 3}, /* to a file system that ignores case it is in /A/b/ */
        {"/A/b/x", 3, -1},
        {"/A/B/x", -1, 3},
        {"/a/c", 4, -1},
        {"/a/c/x", 4, -1},
    };
    struct http_guard *guard = guard_of(&http);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct http_protection found = http_guard_find(guard, rows[i].path);
        cr_assert_eq(number(guard, found.exact), rows[i].part, "%s", rows[i].path);
        cr_assert_eq(number(guard, found.folded), rows[i].folded, "%s", rows[i].path);
    }
    http_guard_free(guard);
}

Test(http_guard, the_whole_or_nothing)
{
    struct config_protected root = {.prefix = (char *)"/"};
    const struct config_http whole = {.protected_paths = &root, .protected_count = 1};
    const struct config_http nothing = {0};
    struct http_guard *guard = guard_of(&whole);
    cr_assert_eq(http_guard_find(guard, "/").exact, &guard->parts[0]);
    cr_assert_eq(http_guard_find(guard, "/a").exact, &guard->parts[0]);
    http_guard_free(guard);
    guard = guard_of(&nothing);
    cr_assert_null(http_guard_find(guard, "/a").exact);
    cr_assert_null(http_guard_find(guard, "/a").folded);
    http_guard_free(guard);
    http_guard_free(NULL);
}

/* Policies are made with the guard, not with each request. */
Test(http_guard, makes_a_policy_only_where_a_part_has_names_or_pins)
{
    struct config_peer_name name = {.text = "a.example"};
    struct config_protected parts[] = {
        {.prefix = (char *)"/a/"},
        {.prefix = (char *)"/b/", .peer_names = {.items = &name, .count = 1}},
    };
    const struct config_http http = {.protected_paths = parts, .protected_count = 2};
    struct http_guard *guard = guard_of(&http);
    cr_assert_null(guard->parts[0].policy);
    cr_assert_not_null(guard->parts[1].policy);
    http_guard_free(guard);
}
