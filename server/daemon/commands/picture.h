/* A /status as text for the terminal: services, what failed, open connections. Pure functions. */
#ifndef ACTPASS_SERVER_COMMANDS_PICTURE_H
#define ACTPASS_SERVER_COMMANDS_PICTURE_H

#include "server/daemon/commands/columns.h"

#include <cjson/cJSON.h>

struct picture {
    const cJSON *now;
    const cJSON *before; /* an earlier /status, for rates; NULL: no rates */
    size_t lines;        /* at most so many lines; 0: any number */
    struct columns_look look;
};

/* All of it, which the caller frees. NULL: out of memory. */
char *picture_text(const struct picture *picture);

/* Its tables, the last two with at most COUNT connections. False: out of memory; errors of the
 * stream are left to the caller. */
bool picture_services(const struct picture *picture, FILE *out);
bool picture_failed(const struct picture *picture, size_t count, FILE *out);
bool picture_open(const struct picture *picture, size_t count, FILE *out);

#endif
