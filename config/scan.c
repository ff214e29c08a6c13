#include "config/scan.h"

#include "config/scanner.h"

#include <stdlib.h>
#include <string.h>

static struct place *place_new(struct scanner *scanner, struct place *parent, struct place ***tail)
{
    struct place *place = calloc(1, sizeof(*place));
    if (!place) {
        (void)scan_fail(scanner, (struct position){.file = scanner->here.file}, "out of memory");
        return NULL;
    }
    place->key = scanner->here;
    place->parent = parent;
    **tail = place;
    *tail = &place->next;
    return place;
}

void place_free(struct place *place)
{
    while (place) {
        struct place *next = place->next;
        place_free(place->child);
        free(place->written);
        free(place);
        place = next;
    }
}

static bool scan_value(struct scanner *scanner, struct place *place);

/* Name, colon, value. */
static bool scan_member(struct scanner *scanner, struct place *place)
{
    if (!scan_string(scanner) || !scan_space(scanner))
        return false;
    if (scan_peek(scanner) != ':')
        return scan_unexpected(scanner, "a colon");
    scan_step(scanner);
    return scan_space(scanner) && scan_value(scanner, place);
}

/* At a comma before the end, which JSONC allows. */
static bool scan_last_comma(struct scanner *scanner, struct position comma, size_t at, int close)
{
    if (!scanner->plain)
        return scan_fail(scanner, comma, "there must be no comma before %c; remove it", close);
    scan_blank(scanner, at, at + 1);
    scan_step(scanner);
    return true;
}

/* After a child: true with *more telling whether a comma announces another one. */
static bool scan_separator(struct scanner *scanner, int close, struct position begin, bool *more)
{
    if (!scan_space(scanner))
        return false;
    int byte = scan_peek(scanner);
    *more = byte == ',';
    if (byte == -1)
        return scan_fail(scanner, scanner->here, "the file ends, but the %c of %u:%u is not closed",
                         close == '}' ? '{' : '[', begin.line, begin.column);
    if (byte != ',' && byte != close)
        return scan_unexpected(scanner, close == '}' ? "a comma or }" : "a comma or ]");
    struct position comma = scanner->here;
    size_t at = scanner->at;
    scan_step(scanner);
    if (!*more)
        return true;
    if (!scan_space(scanner))
        return false;
    *more = scan_peek(scanner) != close;
    return *more || scan_last_comma(scanner, comma, at, close);
}

/* An object or a list. */
static bool scan_container(struct scanner *scanner, struct place *place)
{
    int close = scan_peek(scanner) == '{' ? '}' : ']';
    struct position begin = scanner->here;
    if (++scanner->depth > SCAN_DEPTH_MAX)
        return scan_fail(scanner, begin, "nested more than %d deep", SCAN_DEPTH_MAX);
    scan_step(scanner);
    if (!scan_space(scanner))
        return false;
    struct place **tail = &place->child;
    bool more = scan_peek(scanner) != close;
    if (!more)
        scan_step(scanner);
    for (size_t index = 0; more; index++) {
        if (close == '}' && scan_peek(scanner) != '"')
            return scan_unexpected(scanner, "a key in double quotes");
        struct place *child = place_new(scanner, place, &tail);
        if (!child)
            return false;
        child->index = index;
        if (!(close == '}' ? scan_member(scanner, child) : scan_value(scanner, child)) ||
            !scan_separator(scanner, close, begin, &more))
            return false;
    }
    scanner->depth--;
    return true;
}

static bool scan_value(struct scanner *scanner, struct place *place)
{
    int byte = scan_peek(scanner);
    place->value = scanner->here;
    if (byte == '{' || byte == '[')
        return scan_container(scanner, place);
    if (byte == '"')
        return scan_string(scanner);
    if (byte == '-' || (byte >= '0' && byte <= '9'))
        return scan_number(scanner, &place->whole);
    return scan_word(scanner);
}

static bool scan_whole(struct scanner *scanner, struct place **root)
{
    if (scanner->length >= 3 && memcmp(scanner->text, "\xef\xbb\xbf", 3) == 0)
        return scan_fail(scanner, scanner->here,
                         "begins with a byte order mark; save the file as UTF-8 without one");
    if (!scan_space(scanner))
        return false;
    if (scan_peek(scanner) == -1)
        return scan_fail(scanner, scanner->here, "the file is empty; it must hold a JSON object");
    struct place **tail = root;
    struct place *place = place_new(scanner, NULL, &tail);
    if (!place || !scan_value(scanner, place) || !scan_space(scanner))
        return false;
    if (scan_peek(scanner) != -1)
        return scan_unexpected(scanner, "the end of the file");
    return true;
}

struct place *scan_json(const struct scan_text *text, struct fault *fault)
{
    struct scanner scanner = {.text = (const unsigned char *)text->bytes,
                              .length = text->length,
                              .plain = text->plain,
                              .here = {.line = 1, .column = 1, .file = text->file},
                              .fault = fault};
    struct place *root = NULL;
    if (scan_whole(&scanner, &root))
        return root;
    place_free(root);
    return NULL;
}
