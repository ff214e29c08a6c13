#include "config/scanner.h"

#include <stdarg.h>

int scan_peek(const struct scanner *scanner)
{
    return scanner->at < scanner->length ? scanner->text[scanner->at] : -1;
}

void scan_step(struct scanner *scanner)
{
    unsigned char byte = scanner->text[scanner->at++];
    if (byte == '\n') {
        scanner->here.line++;
        scanner->here.column = 1;
    } else if ((byte & 0xc0) != 0x80) { /* a UTF-8 character counts at its first byte */
        scanner->here.column++;
    }
}

bool scan_fail(struct scanner *scanner, struct position at, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    scanner->fault->at = at;
    error_vset(&scanner->fault->error, format, arguments);
    va_end(arguments);
    return false;
}

bool scan_unexpected(struct scanner *scanner, const char *wanted)
{
    int byte = scan_peek(scanner);
    struct position here = scanner->here;
    if (byte == -1)
        return scan_fail(scanner, here, "expected %s, but the file ends", wanted);
    if (byte == '\0')
        return scan_fail(scanner, here, "NUL byte; a configuration is plain text");
    if (byte == '/' || byte == '#')
        return scan_fail(scanner, here,
                         scanner->plain ? "a comment begins with // or with /*"
                                        : "JSON has no comments; remove it, or let the file's name "
                                          "end in .jsonc");
    if (byte == '\'')
        return scan_fail(scanner, here, "JSON strings are written in double quotes");
    if (byte > ' ' && byte < 0x7f)
        return scan_fail(scanner, here, "expected %s, found '%c'", wanted, byte);
    return scan_fail(scanner, here, "expected %s, found byte 0x%02x", wanted, byte);
}
