/* Which protected part of a site a path is in. */
#include "server/services/http/guard.h"

#include <criterion/criterion.h>

Test(http_guard, which_part_a_path_is_in)
{
    static struct config_protected parts[] = {
        {.prefix = (char *)"/secure/"}, {.prefix = (char *)"/Secure/"}, {.prefix = (char *)"/a/"},
        {.prefix = (char *)"/A/b/"},    {.prefix = (char *)"/a/c/"},
    };
    const struct config_http http = {.protected_paths = parts,
                                     .protected_count = sizeof parts / sizeof *parts};
    const struct {
        const char *path;
        int part; /* -1: none */
    } rows[] =
        {
            {"/", -1},        {"/secure", 0},     {"/secure/", 0}, {"/secure/x", 0},
            {"/secured", -1}, {"/x/secure/", -1}, {"/Secure", 1},  {"/Secure/x", 1},
            {"/SECURE/x", 0},                /* which of the two is as good as the other */
            {"/a/x", 2},      {"/a/b/x", 2}, /* and not the longer one of another folder */
            {"/A/b/x", 3},    {"/A/B/x", 3},      {"/a/c", 4},     {"/a/c/x", 4},
        };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct config_protected *found = http_protection(&http, rows[i].path);
        cr_assert_eq(found ? (int)(found - parts) : -1, rows[i].part, "%s", rows[i].path);
    }
}
