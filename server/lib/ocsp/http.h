/* One request and its response over HTTP, on a connected socket. Blocks; any thread. */
#ifndef ACTPASS_SERVER_LIB_OCSP_HTTP_H
#define ACTPASS_SERVER_LIB_OCSP_HTTP_H

#include "config/config.h"
#include "server/lib/base/error.h"
#include "server/lib/dial/wait.h"

#include <openssl/ocsp.h>

struct ocsp_http {
    int fd; /* connected and non-blocking */
    const struct config_http_url *url;
    struct dial_wait wait;
    int64_t deadline_us;
};

/* Posts the request. *SIZE bytes of the response's body, at most OCSP_ANSWER_MAX; the caller frees
 * them with OPENSSL_free. NULL with error, one clause. */
unsigned char *ocsp_http_post(const struct ocsp_http *http, OCSP_REQUEST *request, size_t *size,
                              struct error_text *error);

#endif
