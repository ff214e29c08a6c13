/* Where a configuration comes from: its files, and the place of each of its values. */
#ifndef ACTPASS_CONFIG_ORIGIN_H
#define ACTPASS_CONFIG_ORIGIN_H

#include "config/scan.h"

#include <sys/types.h>

struct origin_file {
    char *name, *shown; /* shown: fit for a terminal */
    struct place *root; /* NULL: it is not JSON */
    cJSON *json;
    bool exists; /* when it was added; it is then these */
    dev_t device;
    ino_t inode;
};

/* The first file is the configuration itself, the others are those that it includes. */
struct origin {
    struct origin_file *files;
    size_t count;
};

/* Adds a file. Its number is count - 1 then. False: out of memory; then nothing has changed. */
bool origin_add(struct origin *origin, const char *name);

/* The name of the file that a position is in, and how messages show it. */
const char *origin_name(const struct origin *origin, struct position at);
const char *origin_shown(const struct origin *origin, struct position at);

/* The place of a value of a service: KEY is a path below it, such as "tls/certificates/0/key". If
 * it is not there, what is nearest to it, and *MISSING is true; NULL: the service itself is not
 * there. */
struct place *origin_find(const struct origin *origin, size_t service, const char *key,
                          bool *missing);

void origin_free(struct origin *origin); /* what it holds, and itself; may be NULL */

#endif
