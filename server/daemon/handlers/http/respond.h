/* One request's answer. */
#ifndef ACTPASS_SERVER_SERVICES_HTTP_RESPOND_H
#define ACTPASS_SERVER_SERVICES_HTTP_RESPOND_H

#include "config/config.h"
#include "server/daemon/handlers/http/parse.h"
#include "server/daemon/handlers/http/path.h"
#include "server/include/actpass.h"

#include <limits.h>

/* Memory for the work on one request. */
struct http_buffers {
    char input[HTTP_HEAD_MOST];
    char output[65536];
    char path[HTTP_PATH_MOST];
    char place[PATH_MAX + 2];
};

struct http {
    actpass_conn *conn;
    const struct config_http *config;
    struct http_buffers *buffers; /* NULL in a long wait */
    size_t filled;                /* of the input */
    int stopping_fd;              /* as in struct service_job */
    bool asked;                   /* the peer was asked for a certificate, and gave none */
};

/* Answers a request that was read. False: the connection has its end, or must get it. */
bool http_respond(struct http *http, struct http_request *request);

/* Answers with a page, for a request that was refused, too. False as above. */
bool http_respond_page(struct http *http, int status, const struct http_request *request,
                       const char *more, const char *sentence);

#endif
