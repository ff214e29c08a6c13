#include "config/text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void assert_shown(const char *text, size_t max, const char *wanted)
{
    char *shown = text_show(text, max);
    cr_assert_not_null(shown);
    cr_assert_str_eq(shown, wanted);
    free(shown);
}

Test(text, what_a_terminal_would_act_on_is_escaped)
{
    assert_shown("/etc/actpass.json", 200, "/etc/actpass.json");
    assert_shown("caf\xc3\xa9", 200, "caf\xc3\xa9");
    assert_shown("", 200, "");
    assert_shown("\x1b[31mred\r\n", 200, "\\x1b[31mred\\x0d\\x0a");
    assert_shown("\x7f\xff\xc3", 200, "\\x7f\\xff\\xc3");
    assert_shown("\xc2\x9b", 200, "\\xc2\\x9b");
    assert_shown("\xe2\x80\xae", 200, "\\xe2\\x80\\xae");
}

Test(text, what_is_long_keeps_both_ends)
{
    assert_shown("0123456789", 10, "0123456789");
    assert_shown("0123456789a", 10, "01...6789a");
    assert_shown("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 9,
                 "\xc3\xa9...\xc3\xa9\xc3\xa9");
}

Test(text, no_length_is_too_long)
{
    for (size_t length = 0; length < 3000; length++) {
        char *text = malloc(length + 1);
        cr_assert_not_null(text);
        memset(text, length % 2 ? '\x1b' : 'x', length);
        text[length] = '\0';
        char *shown = text_show(text, TEXT_PATH_MAX);
        cr_assert_leq(strlen(shown), TEXT_PATH_MAX);
        free(shown);
        free(text);
    }
}
