/* A list of paths, and what may be done there. One thread at a time. */
#ifndef ACTPASS_SERVER_SANDBOX_PATHS_H
#define ACTPASS_SERVER_SANDBOX_PATHS_H

#include <stdbool.h>
#include <stddef.h>

/* What may be done with a file, or with a folder and all that is below it. */
enum paths_access {
    PATHS_READ = 1,
    PATHS_WRITE = 2,  /* also make, change, rename and remove files */
    PATHS_SOCKETS = 4 /* make and remove unix sockets */
};

struct paths_item {
    char *path;
    unsigned access; /* of enum paths_access */
};

/* All zero: empty. */
struct paths {
    struct paths_item *items;
    size_t count;
};

/* Adds a path, or more access to one that is there. False: out of memory. */
bool paths_add(struct paths *paths, const char *path, unsigned access);

/* What may be done with exactly this path; 0: it is not there. */
unsigned paths_access(const struct paths *paths, const char *path);

/* Is that access allowed there, for this path or for a folder above it? Both without links. */
bool paths_allow(const struct paths *paths, const char *path, unsigned access);

void paths_free(struct paths *paths); /* what it holds, not itself */

#endif
