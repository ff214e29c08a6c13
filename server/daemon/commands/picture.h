/* A /status as text for the terminal: services, pools, what failed, open connections. Pure
 * functions. */
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

/* Its tables, two of them with at most COUNT connections. False: out of memory; errors of the
 * stream are left to the caller. */
bool picture_services(const struct picture *picture, FILE *out);
bool picture_failed(const struct picture *picture, size_t count, FILE *out);
bool picture_open(const struct picture *picture, size_t count, FILE *out);

/* The pools, and at most COUNT names of their devices. */
bool picture_pools(const struct picture *picture, FILE *out);
bool picture_devices(const struct picture *picture, size_t count, FILE *out);
size_t picture_devices_count(const struct picture *picture);

#endif
