/* Reads stunnel.conf (stunnel(8), CONFIGURATION FILE). */
#include "config/internal.h"
#include "server/daemon/convert/reader.h"
#include "server/daemon/convert/stunnel.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { INCLUDE_DEPTH_MAX = 8 };

static void begin_section(struct reader *reader, const char *line, size_t length)
{
    if (length < 3 || line[length - 1] != ']') {
        draft_error(reader->draft, &reader->place, "expected [NAME], a name in brackets");
        return;
    }
    struct section *added = settings_add(reader->settings, line + 1, length - 2, reader->place);
    if (!added) {
        reader->draft->no_memory = true;
        return;
    }
    added->defaults = reader->settings->sections[0];
    reader->section = added;
}

static void read_folder(struct reader *reader, const char *folder);

static void read_setting(struct reader *reader, const char *line, size_t length)
{
    const char *equals = memchr(line, '=', length);
    if (!equals) {
        draft_error(reader->draft, &reader->place, "expected NAME = VALUE, [NAME] or a comment");
        return;
    }
    size_t name_length = reader_trim(line, (size_t)(equals - line));
    const char *value = equals + 1;
    size_t value_length = length - (size_t)(value - line);
    while (value_length > 0 && (*value == ' ' || *value == '\t')) {
        value++;
        value_length--;
    }
    const struct setting *added =
        reader_add(reader, line, name_length, value, reader_trim(value, value_length));
    if (added && strcasecmp(added->name, "include") == 0)
        read_folder(reader, added->value);
}

static void read_lines(struct reader *reader, struct reader_text text)
{
    size_t length;
    const char *line;
    static const char mark[] = "\xef\xbb\xbf";
    if (text.left >= 3 && memcmp(text.at, mark, 3) == 0)
        text = (struct reader_text){.at = text.at + 3, .left = text.left - 3};
    for (line = reader_line(&text, &length); line; line = reader_line(&text, &length)) {
        reader->place.line++;
        if (length == 0 || *line == ';' || *line == '#')
            continue;
        if (*line == '[')
            begin_section(reader, line, length);
        else
            read_setting(reader, line, length);
    }
}

/* ---- Included files -------------------------------------------------------------------------- */

/* Keeps the name as long as the reader. NULL: out of memory. */
static const char *keep_name(struct reader *reader, const char *folder, const char *name)
{
    char *path = NULL;
    char **names = strings_grow(reader->names, reader->name_count, sizeof(*reader->names));
    if (names)
        reader->names = names;
    if (!names || asprintf(&path, "%s/%s", folder, name) < 0) {
        reader->draft->no_memory = true;
        return NULL;
    }
    names[reader->name_count++] = path;
    return path;
}

static void read_included(struct reader *reader, const char *folder, const char *name)
{
    struct setting_place place = reader->place;
    size_t length;
    const char *path = keep_name(reader, folder, name);
    char *text = path ? reader_file(reader->draft, &place, path, &length) : NULL;
    if (text) {
        reader->place = (struct setting_place){.file = path};
        read_lines(reader, (struct reader_text){.at = text, .left = length});
        reader->place = place;
    }
    free(text);
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void read_folder(struct reader *reader, const char *folder)
{
    struct dirent **entries = NULL;
    if (reader->draft->files != DRAFT_FILES || reader->depth >= INCLUDE_DEPTH_MAX) {
        draft_error(reader->draft, &reader->place, "the folder cannot be included here");
        return;
    }
    int count = scandir(folder, &entries, is_shown, alphasort);
    if (count < 0)
        draft_error(reader->draft, &reader->place, "cannot read the folder %s: %s", folder,
                    strerror(errno));
    reader->depth++;
    for (int i = 0; i < count; i++) {
        read_included(reader, folder, entries[i]->d_name);
        free(entries[i]);
    }
    reader->depth--;
    free(entries);
}

bool stunnel_read(struct reader *reader, const char *text, size_t length)
{
    reader->options = stunnel_options;
    reader->section = settings_add(reader->settings, "", 0, reader->place);
    if (!reader->section) {
        reader->draft->no_memory = true;
        return false;
    }
    read_lines(reader, (struct reader_text){.at = text, .left = length});
    return reader->draft->errors == 0 && !reader->draft->no_memory;
}
