/* What another program's configuration says, as a tree of names and values with their places. For
 * one thread. */
#ifndef ACTPASS_SERVER_CONVERT_SETTINGS_H
#define ACTPASS_SERVER_CONVERT_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

struct section;

/* Where it was read. */
struct setting_place {
    const char *file; /* outlives the tree */
    unsigned line;    /* 0: unknown, as on a command line */
};

struct setting {
    char *name;
    char *value;
    struct setting_place place;
    struct section *inside; /* of a block in braces, else NULL */
};

/* A part of a configuration, such as [imaps] of stunnel. */
struct section {
    char *name; /* "": what stands outside of all parts */
    struct setting_place place;
    struct setting *settings; /* in their order */
    size_t count;
    const struct section *defaults; /* whose settings hold where this one has none; or NULL */
};

/* All sections. The first one has the name "". */
struct settings {
    struct section **sections;
    size_t count;
};

/* Adds a section. NULL: out of memory. */
struct section *settings_add(struct settings *settings, const char *name, size_t length,
                             struct setting_place place);
void settings_free(struct settings *settings);

struct section *section_new(const char *name, size_t length, struct setting_place place);
void section_free(struct section *section); /* NULL: does nothing */

/* Adds a setting, whose texts are copied. It is the section's. NULL: out of memory. */
struct setting *section_add(struct section *section, const char *name, size_t name_length,
                            const char *value, size_t value_length, struct setting_place place);

/* The last setting of that name, of the section or else of its defaults; case does not count. NULL:
 * there is none. */
const struct setting *section_last(const struct section *section, const char *name);

/* The same in the section alone. */
const struct setting *section_own(const struct section *section, const char *name);

/* The value of section_last; NULL: there is none. */
const char *section_value(const struct section *section, const char *name);

/* The settings of that name, one after the other: those of the defaults, then those of the section.
 * AFTER is the one before, NULL at the beginning. */
const struct setting *section_next(const struct section *section, const char *name,
                                   const struct setting *after);

#endif
