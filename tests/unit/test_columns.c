#include "server/daemon/commands/columns.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const struct columns_head heads[] = {
    {"NAME", COLUMNS_LEFT}, {"N", COLUMNS_RIGHT}, {"TEXT", COLUMNS_LEFT}};

static const struct columns_look plain = {.head_begin = "", .head_end = ""};

/* Frees COLUMNS. */
static void assert_printed(struct columns *columns, struct columns_look look, const char *wanted)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    cr_assert_not_null(out);
    cr_assert(columns_print(columns, out, &look));
    cr_assert_eq(fclose(out), 0);
    cr_assert_str_eq(text, wanted);
    free(text);
    columns_free(columns);
}

static struct columns *two_rows(const char *text)
{
    struct columns *columns = columns_new(heads, 3);
    cr_assert_not_null(columns);
    columns_add(columns, "gate");
    columns_add(columns, "%d", 7);
    columns_add(columns, "%s", "");
    columns_add(columns, "a");
    columns_add(columns, "%d", 4711);
    columns_add(columns, "%s", text);
    return columns;
}

Test(columns, are_aligned)
{
    assert_printed(two_rows("x"), plain, "NAME     N  TEXT\ngate     7  -\na     4711  x\n");
}

Test(columns, a_character_of_many_bytes_is_one)
{
    assert_printed(two_rows("\xc3\xa4\xe2\x82\xac!"),
                   (struct columns_look){.head_begin = "<", .head_end = ">", .width = 14},
                   "<NAME     N  TE>\ngate     7  -\na     4711  \xc3\xa4\xe2\x82\xac\n");
}

Test(columns, nothing_controls_the_terminal)
{
    assert_printed(two_rows("\x1b[2J\xc2\x9b\n\xe2\x80\xae"), plain,
                   "NAME     N  TEXT\ngate     7  -\n"
                   "a     4711  \\x1b[2J\\xc2\\x9b\\x0a\\xe2\\x80\\xae\n");
}

Test(columns, no_rows_are_a_head)
{
    assert_printed(columns_new(heads, 3), plain, "NAME  N  TEXT\n");
}
