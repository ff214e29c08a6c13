/* The key table: every key that a configuration may hold, what it may be, and where it is stored.
 * The one place to add a key (besides actpass.schema.json, which a test holds to this table).
 * Constant data. */
#ifndef ACTPASS_CONFIG_KEYS_H
#define ACTPASS_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum key_type {                /* stored as */
                KEY_BOOL,      /* bool */
                KEY_INTEGER,   /* uint64_t */
                KEY_DURATION,  /* int64_t, milliseconds */
                KEY_STRING,    /* char * */
                KEY_STRINGS,   /* struct config_strings */
                KEY_ENUM,      /* an enum: the name's place in names, and least more */
                KEY_PATH,      /* char *, relative to the configuration's folder */
                KEY_ADDRESS,   /* struct config_address */
                KEY_ADDRESSES, /* a pointer to an array of them; the count is at second */
                KEY_NETWORK,   /* struct config_network */
                KEY_NETWORKS,  /* a pointer to an array of them; the count is at second */
                KEY_SESSIONS,  /* struct config_sessions */
                KEY_PRESENT,   /* nothing: {} or true only has to be there */
                KEY_OBJECT,    /* what the object's own keys say */
                KEY_OBJECTS    /* a pointer to an array; the count is at second */
};

#define KEY_NOWHERE SIZE_MAX /* offset of a key that is checked and forgotten */

struct key_object;

struct key {
    const char *name;
    const char *help; /* one line; the schema's description */
    enum key_type type;
    bool required;
    bool never;    /* DURATION: "never" is allowed */
    bool empty;    /* STRING: "" is allowed */
    bool deferred; /* not read with its object but by the checks, which know where it belongs */
    /* Range of an INTEGER, of a DURATION in ms, of an ADDRESS's port; lists have from 1 to most
     * items; the first name of an ENUM stands for least. */
    int64_t least, most;
    const char *otherwise;    /* STRING: what is stored when the key is not there; NULL: nothing */
    const char *const *names; /* ENUM: ends with NULL */
    const char *word;         /* PATH: a word that is none, sets the bool at second */
    const char *scheme;       /* PATH: what begins with it is no path, and stays as it is */
    const char *(*wrong)(const char *); /* STRING, STRINGS: checks each; NULL result: fine */
    const struct key_object *object;    /* OBJECT, OBJECTS */
    size_t offset;                      /* in the structure that the enclosing object fills */
    size_t second;
};

struct key_object {
    const struct key *keys;         /* ends with a NULL name */
    const struct key_object *outer; /* where it stands in; NULL: nowhere */
    size_t size;                    /* OBJECTS: of one element */
    void (*init)(void *);           /* OBJECTS: gives an element its defaults; NULL: zeros */
    const char *shorthand;          /* OBJECTS: a string alone stands for an object with this key */
};

extern const struct key_object config_object;       /* the whole file: struct config */
extern const struct key_object service_object;      /* struct config_service */
extern const struct key_object conversation_object; /* struct config_conversation */
extern const struct key_object http_object;         /* struct config_http */
extern const struct key_object tls_object;          /* struct config_tls */

/* The keys of conversations stand in two tables. */
extern const char forward_help[], echo_help[], http_help[];

/* Members of a key. */
#define IN(type, member) .offset = offsetof(struct type, member)
#define COUNT_IN(type, member) .second = offsetof(struct type, member)
#define FROM(low, high) .least = (low), .most = (high)

const struct key *key_find(const struct key_object *object, const char *name);

#endif
