/* Which protected part of a site a path is in. */
#include "server/daemon/handlers/http/guard.h"

#include <criterion/criterion.h>

static int number(const struct config_protected *parts, const struct config_protected *part)
{
    return part ? (int)(part - parts) : -1;
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
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct http_protection found = http_protection(&http, rows[i].path);
        cr_assert_eq(number(parts, found.part), rows[i].part, "%s", rows[i].path);
        cr_assert_eq(number(parts, found.folded), rows[i].folded, "%s", rows[i].path);
    }
}

Test(http_guard, the_whole_or_nothing)
{
    struct config_protected root = {.prefix = (char *)"/"};
    const struct config_http whole = {.protected_paths = &root, .protected_count = 1};
    const struct config_http nothing = {0};
    cr_assert_eq(http_protection(&whole, "/").part, &root);
    cr_assert_eq(http_protection(&whole, "/a").part, &root);
    cr_assert_null(http_protection(&nothing, "/a").part);
    cr_assert_null(http_protection(&nothing, "/a").folded);
}
