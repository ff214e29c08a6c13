/* Strings, numbers and words of the strict scan. */
#include "config/internal.h"
#include "config/scanner.h"

#include <string.h>

static int hex_value(int byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

/* The four digits after \u; -1 if they are not four digits. */
static int scan_hex(struct scanner *scanner)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value(scan_peek(scanner));
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
        scan_step(scanner);
    }
    return value;
}

/* After \u. */
static bool scan_unicode(struct scanner *scanner, struct position begin)
{
    int unit = scan_hex(scanner);
    if (unit < 0)
        return scan_fail(scanner, begin, "\\u needs four hex digits");
    if (unit == 0)
        return scan_fail(scanner, begin, "\\u0000 is not allowed");
    if (unit < 0xd800 || unit > 0xdfff)
        return true;
    bool paired = unit < 0xdc00 && scan_peek(scanner) == '\\';
    if (paired) {
        scan_step(scanner);
        paired = scan_peek(scanner) == 'u';
    }
    if (paired) {
        scan_step(scanner);
        int low = scan_hex(scanner);
        paired = low >= 0xdc00 && low <= 0xdfff;
    }
    return paired ||
           scan_fail(scanner, begin, "\\u%04x is half of a surrogate pair without the other half",
                     (unsigned)unit);
}

static bool scan_escape(struct scanner *scanner)
{
    struct position begin = scanner->here;
    scan_step(scanner);
    int byte = scan_peek(scanner);
    if (byte < 0x20 || byte > 0x7e || !strchr("\"\\/bfnrtu", byte))
        return scan_fail(scanner, begin,
                         "unknown escape; known are \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
    scan_step(scanner);
    return byte != 'u' || scan_unicode(scanner, begin);
}

static bool scan_character(struct scanner *scanner)
{
    int byte = scan_peek(scanner);
    if (byte == '\n' || byte == '\r')
        return scan_fail(scanner, scanner->here,
                         "line end inside a string; close the string, or write \\n");
    if (byte == '\0')
        return scan_fail(scanner, scanner->here, "NUL byte; a configuration is plain text");
    if (byte < 0x20)
        return scan_fail(scanner, scanner->here,
                         "control character 0x%02x inside a string; write \\u%04x", (unsigned)byte,
                         (unsigned)byte);
    size_t length = text_utf8_length(scanner->text + scanner->at, scanner->length - scanner->at);
    if (length == 0)
        return scan_fail(scanner, scanner->here, "byte 0x%02x is not valid UTF-8", (unsigned)byte);
    while (length-- > 0)
        scan_step(scanner);
    return true;
}

bool scan_string(struct scanner *scanner)
{
    struct position begin = scanner->here;
    scan_step(scanner);
    for (;;) {
        int byte = scan_peek(scanner);
        if (byte == -1)
            return scan_fail(scanner, begin, "the string that begins here is not closed");
        if (byte == '"') {
            scan_step(scanner);
            return true;
        }
        if (!(byte == '\\' ? scan_escape(scanner) : scan_character(scanner)))
            return false;
    }
}

static bool is_digit(int byte)
{
    return byte >= '0' && byte <= '9';
}

/* One digit or more. */
static bool scan_digits(struct scanner *scanner, const char *after)
{
    if (!is_digit(scan_peek(scanner)))
        return scan_fail(scanner, scanner->here, "a digit must follow the %s of a number", after);
    while (is_digit(scan_peek(scanner)))
        scan_step(scanner);
    return true;
}

bool scan_number(struct scanner *scanner, bool *whole)
{
    struct position begin = scanner->here;
    size_t first = scanner->at;
    if (scan_peek(scanner) == '-')
        scan_step(scanner);
    bool zero = scan_peek(scanner) == '0';
    size_t digits = scanner->at;
    if (!scan_digits(scanner, "minus sign"))
        return false;
    if (zero && scanner->at - digits > 1)
        return scan_fail(scanner, begin, "a number must not begin with 0");
    *whole = true;
    if (scan_peek(scanner) == '.') {
        *whole = false;
        scan_step(scanner);
        if (!scan_digits(scanner, "point"))
            return false;
    }
    if (scan_peek(scanner) == 'e' || scan_peek(scanner) == 'E') {
        *whole = false;
        scan_step(scanner);
        if (scan_peek(scanner) == '+' || scan_peek(scanner) == '-')
            scan_step(scanner);
        if (!scan_digits(scanner, "exponent"))
            return false;
    }
    if (scanner->at - first > SCAN_NUMBER_MAX)
        return scan_fail(scanner, begin, "a number of more than %d characters", SCAN_NUMBER_MAX);
    return true;
}

static bool is_letter(int byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
}

bool scan_word(struct scanner *scanner)
{
    static const char *const words[] = {"true", "false", "null"};
    struct position begin = scanner->here;
    const char *word = (const char *)scanner->text + scanner->at;
    size_t first = scanner->at;
    if (!is_letter(scan_peek(scanner)))
        return scan_unexpected(scanner, "a value");
    while (is_letter(scan_peek(scanner)) || is_digit(scan_peek(scanner)))
        scan_step(scanner);
    size_t length = scanner->at - first;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (length == strlen(words[i]) && memcmp(word, words[i], length) == 0)
            return true;
    return scan_fail(scanner, begin,
                     "%.*s is not a JSON value; true, false and null are, and strings are written "
                     "in double quotes",
                     (int)(length < 20 ? length : 20), word);
}
