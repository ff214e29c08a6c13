/* An HTTP proxy is asked for a connection with CONNECT (RFC 9110 section 9.3.6), and Basic
 * authentication (RFC 7617). For one thread. */
#ifndef ACTPASS_SERVER_LIB_DIAL_HTTP_CONNECT_H
#define ACTPASS_SERVER_LIB_DIAL_HTTP_CONNECT_H

#include "config/config.h"
#include "server/lib/base/credentials.h"
#include "server/lib/dial/proxy.h"

enum { HTTP_CONNECT_HEAD_MAX = 8192, HTTP_CONNECT_STATUS_MAX = 256 };

/* All members are http_connect.c's. */
struct http_connect {
    bool authenticated; /* the request had credentials */
    bool after_cr;
    bool in_fields;                       /* the status line is complete */
    size_t head;                          /* bytes so far, of interim answers, too */
    size_t line;                          /* bytes of the line so far */
    char status[HTTP_CONNECT_STATUS_MAX]; /* the status line; has no NUL */
    size_t status_size;
};

/* Writes the request. CREDENTIALS may be empty. */
void http_connect_begin(struct http_connect *http, const struct config_address *to,
                        const struct credentials *credentials, struct proxy_request *request);

/* Adds a header field to the request, a line without its end. */
void http_connect_add(struct proxy_request *request, const char *field);

/* Takes what belongs to the head of the answer: *USED of SIZE bytes, all of them with PROXY_MORE.
 * Interim answers (1xx) are skipped. A head is refused as soon as it cannot be one any more. */
enum proxy_answer http_connect_take(struct http_connect *http, const unsigned char *bytes,
                                    size_t size, size_t *used, struct error_text *why);

/* The status code of the answer; 0: it has none yet, or is not HTTP. */
int http_connect_code(const struct http_connect *http);

#endif
