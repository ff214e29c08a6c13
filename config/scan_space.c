/* White space, and the comments of JSONC. */
#include "config/internal.h"
#include "config/scanner.h"

void scan_blank(const struct scanner *scanner, size_t from, size_t to)
{
    for (size_t at = from; at < to; at++)
        scanner->plain[at] = ' ';
}

/* The columns of what follows count characters, so these must be valid here, too. */
static bool scan_comment_character(struct scanner *scanner)
{
    int byte = scan_peek(scanner);
    size_t length = text_utf8_length(scanner->text + scanner->at, scanner->length - scanner->at);
    if (byte == '\0')
        return scan_fail(scanner, scanner->here, "NUL byte; a configuration is plain text");
    if (length == 0)
        return scan_fail(scanner, scanner->here, "byte 0x%02x is not valid UTF-8", (unsigned)byte);
    while (length-- > 0)
        scan_step(scanner);
    return true;
}

static bool scan_line_comment(struct scanner *scanner)
{
    while (scan_peek(scanner) != -1 && scan_peek(scanner) != '\n')
        if (!scan_comment_character(scanner))
            return false;
    return true;
}

static bool is_close(const struct scanner *scanner)
{
    return scanner->length - scanner->at >= 2 && scanner->text[scanner->at] == '*' &&
           scanner->text[scanner->at + 1] == '/';
}

static bool scan_block_comment(struct scanner *scanner, struct position begin)
{
    while (!is_close(scanner)) {
        if (scan_peek(scanner) == -1)
            return scan_fail(scanner, begin, "the comment that begins here is not closed");
        if (!scan_comment_character(scanner))
            return false;
    }
    scan_step(scanner);
    scan_step(scanner);
    return true;
}

/* At a slash. */
static bool scan_comment(struct scanner *scanner)
{
    struct position begin = scanner->here;
    size_t first = scanner->at;
    scan_step(scanner);
    int kind = scan_peek(scanner);
    if (kind != '/' && kind != '*')
        return scan_fail(scanner, begin, "a comment begins with // or with /*");
    scan_step(scanner);
    if (!(kind == '/' ? scan_line_comment(scanner) : scan_block_comment(scanner, begin)))
        return false;
    scan_blank(scanner, first, scanner->at);
    return true;
}

bool scan_space(struct scanner *scanner)
{
    for (;;) {
        int byte = scan_peek(scanner);
        if (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r')
            scan_step(scanner);
        else if (byte != '/' || !scanner->plain)
            return true;
        else if (!scan_comment(scanner))
            return false;
    }
}
