/* What peers choose becomes plain text, and what the daemon says is believed only in its form. */
#include "server/daemon/spawner/variables.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static size_t add(char *text, size_t room, const char *value)
{
    return variables_add(text, 0, room, VARIABLE_SERVER_NAME, value);
}

Test(variables, values_are_printable_ascii)
{
    static const struct {
        const char *value, *plain;
    } rows[] = {
        {"a.example", "a.example"},
        {"a b$(id)'\"", "a b$(id)'\""},
        {"a\nPATH=/tmp", "a?PATH=/tmp"},
        {"\033[2J\177", "?[2J?"},
        {"\303\244", "??"},
        {"\t\r", "??"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[64];
        size_t size = add(text, sizeof(text), rows[i].value);
        cr_assert_eq(size, strlen(rows[i].plain) + 2);
        cr_assert_eq(text[0], VARIABLE_SERVER_NAME + 1);
        cr_assert_str_eq(text + 1, rows[i].plain);
    }
}

Test(variables, what_is_empty_or_finds_no_room_is_left_out_and_long_ones_are_cut)
{
    char text[2048];
    static char longer[1024];
    memset(longer, 'x', sizeof(longer) - 1);
    cr_assert_eq(add(text, sizeof(text), ""), 0);
    cr_assert_eq(add(text, 5, "1234"), 0);
    cr_assert_eq(add(text, 6, "1234"), 6);
    cr_assert_eq(add(text, sizeof(text), longer), VARIABLE_VALUE_MAX + 2);
}

Test(variables, they_come_out_as_they_went_in)
{
    char text[256];
    size_t size = 0;
    enum variable variable;
    const char *value, *at = text;
    size = variables_add(text, size, sizeof(text), VARIABLE_PEER, "192.0.2.1:1");
    size = variables_add(text, size, sizeof(text), VARIABLE_SSL_CLIENT_DN, "CN=a");
    cr_assert(variables_next(&at, text + size, &variable, &value));
    cr_assert_eq(variable, VARIABLE_PEER);
    cr_assert_str_eq(value, "192.0.2.1:1");
    cr_assert(variables_next(&at, text + size, &variable, &value));
    cr_assert_eq(variable, VARIABLE_SSL_CLIENT_DN);
    cr_assert_str_eq(value, "CN=a");
    cr_assert_eq(at, text + size);
    cr_assert_not(variables_next(&at, text + size, &variable, &value));
}

Test(variables, none_is_taken_that_is_not_in_that_form)
{
    static const struct {
        const char *text;
        size_t size;
    } rows[] = {{"\001a", 2},    {"\000a", 3},     {"\377a", 3},
                {"\001a\nb", 5}, {"\001a\200", 4}, {"\001", 1}};
    enum variable variable;
    const char *value;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *at = rows[i].text;
        cr_assert_not(variables_next(&at, rows[i].text + rows[i].size, &variable, &value), "%zu",
                      i);
    }
}

/* Reads nothing beyond the end, which asan would see. */
Test(variables, any_bytes)
{
    enum variable variable;
    const char *value;
    srandom(1);
    for (int round = 0; round < 20000; round++) {
        size_t size = (size_t)random() % 24;
        char *text = malloc(size + 1);
        cr_assert_not_null(text);
        for (size_t i = 0; i < size; i++)
            text[i] = (char)(random() % 4 ? random() % 40 : random() % 256);
        const char *at = text;
        while (at < text + size && variables_next(&at, text + size, &variable, &value))
            cr_assert(variable < VARIABLE_COUNT && value < at && at <= text + size);
        free(text);
    }
}

Test(variables, each_has_a_name_of_its_own)
{
    for (int i = 0; i < VARIABLE_COUNT; i++)
        for (int k = 0; k < i; k++)
            cr_assert_str_neq(variable_name((enum variable)i), variable_name((enum variable)k));
}
