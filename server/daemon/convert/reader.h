/* The lines of a configuration, and what all readers of them share. */
#ifndef ACTPASS_SERVER_CONVERT_READER_H
#define ACTPASS_SERVER_CONVERT_READER_H

#include "server/daemon/convert/draft.h"

#include <stddef.h>

enum { READER_FILE_MAX = 1 << 20, READER_SETTINGS_MAX = 20000 };

struct reader {
    struct draft *draft; /* where errors go */
    struct settings *settings;
    const struct convert_option *options;
    struct section *section; /* that settings belong to now */
    struct setting_place place;
    size_t count; /* of all settings */
    char **names; /* of included files, which the places point to */
    size_t name_count;
    unsigned depth; /* of includes */
};

/* What of a text is left. */
struct reader_text {
    const char *at;
    size_t left;
};

/* The next line without its end and without blanks around it. NULL: there is none. */
const char *reader_line(struct reader_text *text, size_t *length);

/* LENGTH less the blanks at the end. */
size_t reader_trim(const char *text, size_t length);

/* Adds a setting to the section, or says that there is no such option, that the value is no text,
 * or that there are too many. NULL then, or when memory is short. */
struct setting *reader_add(struct reader *reader, const char *name, size_t name_length,
                           const char *value, size_t value_length);

/* Reads a whole file. NULL: said why not. The caller frees it. */
char *reader_file(struct draft *draft, const struct setting_place *place, const char *path,
                  size_t *length);

void reader_end(struct reader *reader);

#endif
