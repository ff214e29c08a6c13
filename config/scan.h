/* The strict scan: is a text exactly JSON as in RFC 8259, or JSONC, and where is each value? cJSON
 * lets too much pass (hazard 43) and forgets positions, so nothing reaches it that was not scanned.
 * Pure functions on bytes. */
#ifndef ACTPASS_CONFIG_SCAN_H
#define ACTPASS_CONFIG_SCAN_H

#include "config/position.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* One value and its position. A tree of the same shape as cJSON's. */
struct place {
    struct position key; /* a member's name; the value's own position for all other values */
    struct position value;
    size_t index; /* which child of its parent */
    struct place *parent, *child, *next;
    bool whole;          /* a number of digits alone, perhaps with a minus sign */
    const cJSON *item;   /* filled in by document_read */
    char *written;       /* of a string that had variables: as the user wrote it; else NULL */
    const char *meant;   /* the known key that an unknown one was taken for */
    bool bad, duplicate; /* an error was reported here; the name came before */
    bool unread;         /* a variable in it is wrong, so nothing else is said of it */
};

struct scan_text {
    const char *bytes;
    size_t length;
    /* NULL for JSON. For JSONC, which has comments (two slashes, or as in C) and commas before the
     * end of an object or list, it is a copy of the bytes, in which these become spaces. */
    char *plain;
    unsigned file; /* its number in the origin */
};

/* The tree of places, to be freed with place_free, or NULL with the fault. */
struct place *scan_json(const struct scan_text *text, struct fault *fault);
void place_free(struct place *place);

#endif
