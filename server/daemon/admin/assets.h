/* The files of the page, as embed.py has put them into assets_data.c. Constant. */
#ifndef ACTPASS_SERVER_ADMIN_ASSETS_H
#define ACTPASS_SERVER_ADMIN_ASSETS_H

#include <stddef.h>

struct asset {
    const char *path, *type;
    const char *bytes;
    size_t length;
};

extern const struct asset assets[];
extern const size_t assets_count;

#endif
