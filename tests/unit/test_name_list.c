/* Lists of names in a sentence. */
#include "server/lib/tls/name_list.h"

#include <criterion/criterion.h>
#include <string.h>

Test(name_list, joins_names)
{
    struct name_list none = {.length = 0}, list = {.length = 0};
    cr_assert_str_eq(name_list_end(&none, "none"), "none");
    name_list_add(&list, "h2", 2);
    name_list_add_all(&list, "?*X25519/:P-256:", ":/?*");
    cr_assert_str_eq(name_list_end(&list, "none"), "h2, X25519, P-256");
}

Test(name_list, counts_what_does_not_fit)
{
    struct name_list list = {.length = 0};
    char name[64];
    memset(name, 'a', sizeof(name));
    for (int i = 0; i < 70000; i++)
        name_list_add(&list, name, sizeof(name));
    name_list_add(&list, "b", 1);
    const char *text = name_list_end(&list, "none");
    cr_assert_lt(strlen(text), sizeof(list.text));
    cr_assert(strstr(text, " and 70000 more") || strstr(text, " and 69999 more"), "%s", text);
    cr_assert_not(strstr(text, "b"), "in order");
}

Test(name_list, a_name_that_is_too_long_leaves_no_list)
{
    struct name_list list = {.length = 0};
    char name[400];
    memset(name, 'a', sizeof(name));
    name_list_add(&list, name, sizeof(name));
    cr_assert_str_eq(name_list_end(&list, "none"), "none");
}
