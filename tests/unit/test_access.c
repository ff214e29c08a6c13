/* Log lines by a template of the user's. */
#include "server/daemon/access.h"

#include <criterion/criterion.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct log_field fields[] = {{.key = "peer", .text = "192.0.2.1:4711"},
                                          {.key = "rx", .number = 17},
                                          {.key = "error", .text = "a \"b\"\n\x1b[31m\\"},
                                          {.key = "sni", .text = ""},
                                          {.key = "alpn", .text = "<0><1>"}};

Test(access, replaces_fields_by_values)
{
    static const struct {
        const char *template, *text;
    } rows[] = {{"%[peer] in %[rx]", "192.0.2.1:4711 in 17"},
                {"100%% %[peer]", "100% 192.0.2.1:4711"},
                {"%[tx]%[rx]", "-17"},
                {"[%[rx]]", "[17]"},
                {"no field", "no field"},
                {"\"%[error]\"", "\"a \\x22b\\x22\\x0a\\x1b[31m\\x5c\""},
                {"%[sni]", "-"},
                {"%[alpn]", "\\x3c0><1>"},
                {"<7>%[alpn]", "<7><0><1>"}};
    char text[200];
    for (size_t i = 0; i < COUNT(rows); i++) {
        access_expand(rows[i].template, fields, COUNT(fields), text, sizeof(text));
        cr_assert_str_eq(text, rows[i].text);
    }
}

/* Not with a hole, which would make other fields of what follows. */
Test(access, is_cut_off_at_the_first_that_does_not_fit)
{
    static const struct {
        const char *template, *text;
    } rows[] = {{"%[peer] from %[rx]", "192.0.2.1:4711"},
                {"%[rx] 192.0.2.1:4711 %[rx]", "17"},
                {"12345678 %[error]%[rx]", "12345678 a \\x22b"}};
    char text[17];
    for (size_t i = 0; i < COUNT(rows); i++) {
        access_expand(rows[i].template, fields, COUNT(fields), text, sizeof(text));
        cr_assert_str_eq(text, rows[i].text);
    }
}

Test(access, writes_nothing_behind_the_end)
{
    char text[24];
    for (size_t size = 1; size < sizeof(text); size++) {
        memset(text, '#', sizeof(text));
        access_expand("%[error]%[peer]%[rx]%%", fields, COUNT(fields), text, size);
        cr_assert_lt(strlen(text), size);
        cr_assert_eq(text[size], '#');
    }
}
