/* Reads hitch.conf (hitch.conf(5)): NAME = VALUE, where a value is a word, a text in quotes, or a
 * block in braces. */
#include "server/daemon/convert/hitch.h"
#include "server/daemon/convert/reader.h"

#include <ctype.h>
#include <string.h>

enum { BLOCK_DEPTH_MAX = 4 };

struct scan {
    struct reader *reader;
    const char *at;
    size_t left;
};

static void step(struct scan *scan)
{
    if (*scan->at == '\n')
        scan->reader->place.line++;
    scan->at++;
    scan->left--;
}

/* Over blanks, line ends and comments. */
static void skip(struct scan *scan)
{
    bool comment = false;
    while (scan->left > 0 && (comment || *scan->at == '#' || isspace((unsigned char)*scan->at))) {
        comment = *scan->at != '\n' && (comment || *scan->at == '#');
        step(scan);
    }
}

static bool is_name(char letter)
{
    return isalnum((unsigned char)letter) || letter == '-' || letter == '_';
}

/* Takes one character if it is there. */
static bool take(struct scan *scan, char letter)
{
    if (scan->left == 0 || *scan->at != letter)
        return false;
    step(scan);
    return true;
}

static bool fail(struct scan *scan, const char *why)
{
    return draft_error(scan->reader->draft, &scan->reader->place, "%s", why);
}

/* What is up to the second quote. */
static bool quoted(struct scan *scan, const char **value, size_t *length)
{
    *value = scan->at;
    while (scan->left > 0 && *scan->at != '"' && *scan->at != '\n')
        step(scan);
    *length = (size_t)(scan->at - *value);
    return take(scan, '"') || fail(scan, "the text in quotes does not end in its line");
}

static void word(struct scan *scan, const char **value, size_t *length)
{
    *value = scan->at;
    while (scan->left > 0 && !strchr("\n#}", *scan->at))
        step(scan);
    *length = reader_trim(*value, (size_t)(scan->at - *value));
}

static bool read_all(struct scan *scan, unsigned depth);

static bool block(struct scan *scan, struct setting *setting, unsigned depth)
{
    struct reader *reader = scan->reader;
    struct section *outer = reader->section;
    if (depth >= BLOCK_DEPTH_MAX)
        return fail(scan, "blocks are nested too deep");
    setting->inside = section_new(setting->name, strlen(setting->name), setting->place);
    if (!setting->inside) {
        reader->draft->no_memory = true;
        return false;
    }
    setting->inside->defaults = depth == 0 ? reader->settings->sections[0] : NULL;
    reader->section = setting->inside;
    bool read = read_all(scan, depth + 1);
    reader->section = outer;
    return read && (take(scan, '}') || fail(scan, "expected } at the end of the block"));
}

static bool read_value(struct scan *scan, const char *name, size_t name_length, unsigned depth)
{
    const char *value = "";
    size_t length = 0;
    bool is_block = take(scan, '{');
    if (!is_block && take(scan, '"')) {
        if (!quoted(scan, &value, &length))
            return false;
    } else if (!is_block) {
        word(scan, &value, &length);
    }
    struct setting *added = reader_add(scan->reader, name, name_length, value, length);
    return added && (!is_block || block(scan, added, depth));
}

static bool read_all(struct scan *scan, unsigned depth)
{
    for (skip(scan); scan->left > 0 && *scan->at != '}'; skip(scan)) {
        const char *name = scan->at;
        while (scan->left > 0 && is_name(*scan->at))
            step(scan);
        size_t length = (size_t)(scan->at - name);
        while (scan->left > 0 && (*scan->at == ' ' || *scan->at == '\t'))
            step(scan);
        if (length == 0 || !take(scan, '='))
            return fail(scan, "expected NAME = VALUE");
        while (scan->left > 0 && (*scan->at == ' ' || *scan->at == '\t'))
            step(scan);
        if (!read_value(scan, name, length, depth))
            return false;
    }
    return true;
}

bool hitch_read(struct reader *reader, const char *text, size_t length)
{
    reader->options = hitch_options;
    reader->place.line = 1;
    reader->section = settings_add(reader->settings, "", 0, reader->place);
    if (!reader->section) {
        reader->draft->no_memory = true;
        return false;
    }
    struct scan scan = {.reader = reader, .at = text, .left = length};
    bool read = read_all(&scan, 0) && (scan.left == 0 || fail(&scan, "expected no } here"));
    return read && reader->draft->errors == 0;
}
