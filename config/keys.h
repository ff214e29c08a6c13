/* The key table: every key that a configuration may hold, what it may be, and where it is stored.
 * The one place to add a key (besides actpass.schema.json, which a test holds to this table).
 * Constant data. */
#ifndef ACTPASS_CONFIG_KEYS_H
#define ACTPASS_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum key_type {               /* stored as */
                KEY_BOOL,     /* bool */
                KEY_INTEGER,  /* uint64_t */
                KEY_DURATION, /* int64_t, milliseconds */
                KEY_STRING,   /* char * */
                KEY_STRINGS,  /* struct config_strings */
                KEY_ENUM,     /* an enum; the number is the name's place in names */
                KEY_PATH,     /* char *, relative to the configuration's folder */
                KEY_ADDRESS,  /* struct config_address */
                KEY_PRESENT,  /* nothing: {} or true only has to be there */
                KEY_OBJECT,   /* what the object's own keys say */
                KEY_OBJECTS   /* a pointer to an array; the count is at second */
};

#define KEY_NOWHERE SIZE_MAX /* offset of a key that is checked and forgotten */

struct key_object;

struct key {
    const char *name;
    const char *help; /* one line; the schema's description */
    enum key_type type;
    bool required;
    bool never; /* DURATION: "never" is allowed */
    /* Range of an INTEGER, of a DURATION in ms, of an ADDRESS's port; STRINGS and OBJECTS have from
     * 1 to most items. */
    int64_t least, most;
    const char *const *names;           /* ENUM: ends with NULL */
    const char *word;                   /* PATH: a word that is none, sets the bool at second */
    const char *(*wrong)(const char *); /* STRING, STRINGS: checks each; NULL result: fine */
    const struct key_object *object;    /* OBJECT, OBJECTS */
    size_t offset;                      /* in the structure that the enclosing object fills */
    size_t second;
};

struct key_object {
    const struct key *keys;         /* ends with a NULL name */
    const struct key_object *outer; /* where it stands in; NULL: nowhere */
    size_t size;                    /* OBJECTS: of one element */
    void (*init)(void *);           /* OBJECTS: gives an element its defaults */
};

extern const struct key_object config_object; /* the whole file: struct config */

const struct key *key_find(const struct key_object *object, const char *name);

#endif
