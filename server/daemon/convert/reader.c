#include "server/daemon/convert/reader.h"

#include "config/internal.h"
#include "config/read_file.h"
#include "config/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t reader_trim(const char *text, size_t length)
{
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    return length;
}

const char *reader_line(struct reader_text *text, size_t *length)
{
    if (text->left == 0)
        return NULL;
    const char *begin = text->at;
    const char *end = memchr(begin, '\n', text->left);
    size_t whole = end ? (size_t)(end - begin) : text->left;
    text->at += whole + (end ? 1 : 0);
    text->left -= whole + (end ? 1 : 0);
    while (whole > 0 && isspace((unsigned char)*begin)) {
        begin++;
        whole--;
    }
    *length = reader_trim(begin, whole);
    return begin;
}

static bool is_text(const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        unsigned char byte = (unsigned char)text[at];
        size_t size = text_utf8_length((const unsigned char *)text + at, length - at);
        if (size == 0 || (byte < ' ' && byte != '\t') || byte == 0x7f)
            return false;
        at += size;
    }
    return true;
}

static bool wrong_name(struct reader *reader, const char *name, size_t length)
{
    char *copy = strndup(name, length);
    char *shown = copy ? text_show(copy, TEXT_PATH_MAX) : NULL;
    const char *nearest = copy ? option_nearest(reader->options, copy) : NULL;
    if (nearest)
        draft_error(reader->draft, &reader->place, "%s: unknown option, did you mean \"%s\"?",
                    shown ? shown : "", nearest);
    else
        draft_error(reader->draft, &reader->place, "%s: unknown option", shown ? shown : "");
    free(copy);
    free(shown);
    return false;
}

static bool is_known(struct reader *reader, const char *name, size_t length)
{
    char known[64];
    if (length >= sizeof(known))
        return false;
    memcpy(known, name, length);
    known[length] = '\0';
    return option_find(reader->options, known);
}

static bool may_add(struct reader *reader, const char *name, size_t name_length, const char *value,
                    size_t value_length)
{
    if (!is_text(name, name_length) || !is_text(value, value_length))
        return draft_error(reader->draft, &reader->place,
                           "expected UTF-8 text without control characters");
    if (!is_known(reader, name, name_length))
        return wrong_name(reader, name, name_length);
    if (reader->count >= READER_SETTINGS_MAX)
        return draft_error(reader->draft, &reader->place, "there are more than %d settings",
                           READER_SETTINGS_MAX);
    return true;
}

struct setting *reader_add(struct reader *reader, const char *name, size_t name_length,
                           const char *value, size_t value_length)
{
    if (!may_add(reader, name, name_length, value, value_length))
        return NULL;
    struct setting *added =
        section_add(reader->section, name, name_length, value, value_length, reader->place);
    reader->count++;
    reader->draft->no_memory = reader->draft->no_memory || !added;
    return added;
}

char *reader_file(struct draft *draft, const struct setting_place *place, const char *path,
                  size_t *length)
{
    char *text = malloc(READER_FILE_MAX + 1);
    ssize_t size = text ? read_regular(path, text, READER_FILE_MAX + 1) : -1;
    if (size >= 0 && size <= READER_FILE_MAX) {
        *length = (size_t)size;
        return text;
    }
    char *shown = text_show(path, TEXT_PATH_MAX);
    if (size < 0)
        draft_error(draft, place, "cannot read %s: %s", shown ? shown : "",
                    errno == EINVAL ? "it is not a file" : strerror(errno));
    else
        draft_error(draft, place, "%s has more than %d bytes", shown ? shown : "", READER_FILE_MAX);
    free(shown);
    free(text);
    return NULL;
}

void reader_end(struct reader *reader)
{
    for (size_t i = 0; i < reader->name_count; i++)
        free(reader->names[i]);
    free(reader->names);
    reader->names = NULL;
    reader->name_count = 0;
}
