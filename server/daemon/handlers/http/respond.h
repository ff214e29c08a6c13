/* Makes the answer to one request. */
#ifndef ACTPASS_SERVER_HANDLERS_HTTP_RESPOND_H
#define ACTPASS_SERVER_HANDLERS_HTTP_RESPOND_H

#include "config/config.h"
#include "server/daemon/handlers/http/guard.h"
#include "server/daemon/handlers/http/parse.h"
#include "server/daemon/handlers/http/path.h"
#include "server/daemon/handlers/http/send.h"
#include "server/include/actpass.h"

#include <limits.h>

/* Memory for the work on one request. */
struct http_buffers {
    char input[HTTP_HEAD_MAX];
    char output[HTTP_OUTPUT_SIZE];
    char path[HTTP_PATH_MAX];
    char place[PATH_MAX + 2];
};

struct http {
    actpass_conn *conn;
    const struct config_http *config;
    const struct http_guard *guard;
    struct http_buffers *buffers; /* NULL while the connection is idle */
    size_t filled;                /* of the input */
    struct http_output output;    /* the answer, to be sent with http_send */
    bool refused;                 /* the peer was asked for a certificate and gave none */
};

/* Makes the answer to a request. May block: for the disk, and for the peer's certificate. False:
 * the connection has ended, or the caller must close it. */
bool http_respond(struct http *http, struct http_request *request);

/* Makes an answer with a page of one sentence (NULL: that of the status), also for a refused head.
 * MORE: further fields, each with its CRLF. */
void http_respond_page(struct http *http, int status, const struct http_request *request,
                       const char *more, const char *sentence);

#endif
