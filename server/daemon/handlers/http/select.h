/* Which part of a file a GET asks for, if any: conditions (RFC 9110 section 13) and ranges (section
 * 14). Pure functions. */
#ifndef ACTPASS_SERVER_HANDLERS_HTTP_SELECT_H
#define ACTPASS_SERVER_HANDLERS_HTTP_SELECT_H

#include "server/daemon/handlers/http/parse.h"

#include <stdint.h>
#include <time.h>

/* The state of a file, for conditions and ranges. */
struct http_version {
    char etag[64]; /* strong, with its quotes */
    time_t modified;
    uint64_t size;
};

struct http_part {
    int status; /* 200, 206, 304, 412 or 416 */
    uint64_t first;
    uint64_t length;
};

/* Several ranges, another unit, and malformed ranges get the whole file, as the RFC allows. */
struct http_part http_select(const struct http_request *request,
                             const struct http_version *version);

#endif
