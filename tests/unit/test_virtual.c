#include "server/lib/tls/virtual.h"

#include <criterion/criterion.h>
#include <stdint.h>

/* Only their addresses matter. */
static struct tls_context *context(size_t number)
{
    static char places[4];
    return (struct tls_context *)(void *)&places[number];
}

Test(virtual, an_equal_name_comes_before_a_wildcard)
{
    char *first[] = {"*.a.example", "b.example"};
    char *second[] = {"x.a.example", "*.c.example"};
    struct virtuals virtuals = {.items = NULL};
    cr_assert_null(virtuals_find(&virtuals, "b.example"));
    cr_assert(virtuals_add(&virtuals, &(struct config_strings){first, 2}, context(1)));
    cr_assert(virtuals_add(&virtuals, &(struct config_strings){second, 2}, context(2)));
    static const struct {
        const char *name;
        size_t number; /* 0: none */
    } rows[] = {{"y.a.example", 1},
                {"Y.A.Example", 1},
                {"b.example", 1},
                {"x.a.example", 2},
                {"X.A.EXAMPLE", 2},
                {"z.c.example", 2},
                {"a.example", 0},
                {"c.example", 0},
                {"y.x.a.example", 0},
                {".a.example", 0},
                {"bb.example", 0},
                {"b.example.", 0},
                {"", 0},
                {NULL, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_assert_eq(virtuals_find(&virtuals, rows[i].name),
                     rows[i].number == 0 ? NULL : context(rows[i].number), "%s",
                     rows[i].name ? rows[i].name : "no name");
    virtuals_free(&virtuals);
    cr_assert_null(virtuals_find(&virtuals, "b.example"));
}
