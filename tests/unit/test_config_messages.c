/* tests/golden/config.txt: bad and dubious configurations, with all messages about each. The head
 * of that file explains it; tests/e2e/test_messages.py compares it with the program, and rewrites
 * it. */
#include "tests/unit/test_config.h"

#include <ctype.h>

#define GOLDEN "tests/golden/config.txt" /* from the top of the repository, where tests are run */

static char *read_golden(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(GOLDEN, "re");
    cr_assert_not_null(file, "%s cannot be read from here", GOLDEN);
    cr_assert_gt(getdelim(&text, &size, '\0', file), 0);
    cr_assert_eq(fclose(file), 0);
    return text;
}

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');
    return end ? end + 1 : line + strlen(line);
}

/* The first line of the text that begins so, or NULL. */
static const char *find_line(const char *text, const char *beginning)
{
    while (*text != '\0' && strncmp(text, beginning, strlen(beginning)) != 0)
        text = next_line(text);
    return *text != '\0' ? text : NULL;
}

/* The lines with this mark, which follow each other, without it: a text to be freed. */
static char *marked(const char *line, char mark)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    cr_assert_not_null(stream);
    while (*line != '\0' && *line != mark)
        line = next_line(line);
    for (; *line == mark; line = next_line(line)) {
        const char *rest = line[1] == ' ' ? line + 2 : line + 1;
        fprintf(stream, "%.*s", (int)(next_line(line) - rest), rest);
    }
    cr_assert_eq(fclose(stream), 0);
    return text;
}

/* `NAME: text` becomes the frame of that name, with the text in place of its @. */
static char *framed(const char *golden, char *text)
{
    char head[32];
    size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
    if (length == 0 || text[length] != ':')
        return text;
    (void)snprintf(head, sizeof(head), "frame %.*s\n", (int)length, text);
    const char *named = find_line(golden, head);
    cr_assert_not_null(named, "%s: there is no %s", GOLDEN, head);
    char *frame = marked(next_line(named), '<');
    const char *place = strchr(frame, '@');
    const char *inner = text + length + (text[length + 1] == ' ' ? 2 : 1);
    char *whole = NULL;
    cr_assert_not_null(place);
    cr_assert_geq(asprintf(&whole, "%.*s%.*s%s", (int)(place - frame), frame,
                           (int)strlen(inner) - 1, inner, place + 1),
                  0);
    free(frame);
    free(text);
    return whole;
}

/* Replaces <00> by the byte, and drops the last line's end. Returns the length. */
static size_t unescape(char *text)
{
    size_t length = 0;
    for (const char *from = text; *from != '\0'; length++) {
        bool is_byte = *from == '<' && isxdigit((unsigned char)from[1]) &&
                       isxdigit((unsigned char)from[2]) && from[3] == '>';
        text[length] = *from;
        if (is_byte)
            text[length] = (char)strtol(from + 1, NULL, 16);
        from += is_byte ? 4 : 1;
    }
    return length > 0 ? length - 1 : 0;
}

/* What is said about a configuration, to be freed: warnings, then errors, as the program prints. */
static char *say(const char *title, const char *text, size_t length)
{
    struct config_report report;
    char *exact = malloc(length > 0 ? length : 1); /* for the sanitizer */
    cr_assert_not_null(exact);
    memcpy(exact, text, length);
    struct config *config = config_parse("c.json", exact, length, &report);
    cr_assert_eq(!!config, report.errors.count == 0, "%s", title);
    char *warnings = join(&report.warnings);
    char *errors = join(&report.errors);
    char *both = NULL;
    cr_assert_geq(asprintf(&both, "%s%s", warnings, errors), 0);
    free(errors);
    free(warnings);
    config_free(config);
    config_report_free(&report);
    free(exact);
    return both;
}

static void check_case(const char *golden, const char *line)
{
    char *title = strndup(line, (size_t)(next_line(line) - line));
    char *text = framed(golden, marked(line, '<'));
    char *expected = marked(line, '>');
    size_t length = unescape(text);
    char *said = say(title, text, length);
    cr_expect_str_eq(said, expected, "%ssaid:\n%sexpected:\n%s", title, said, expected);
    free(said);
    free(expected);
    free(text);
    free(title);
}

Test(config_messages, golden, .fini = folder_leave)
{
    size_t count = 0;
    char *golden = read_golden();
    folder_enter();
    const char *line = find_line(golden, "## ");
    for (; line; line = find_line(next_line(line), "## ")) {
        check_case(golden, line);
        count++;
    }
    cr_assert_gt(count, 0);
    free(golden);
}
