/* An answer on its way out: the head is written into a buffer, what follows goes after it. */
#ifndef ACTPASS_SERVER_HANDLERS_HTTP_ANSWER_H
#define ACTPASS_SERVER_HANDLERS_HTTP_ANSWER_H

#include "server/daemon/handlers/http/parse.h"

#include <stdint.h>

struct http_answer {
    char *at;
    size_t size, length;
};

/* The status line, Date and Connection. The request may be one that was refused for its form. */
void http_answer_begin(struct http_answer *answer, int status, const struct http_request *request);

/* Adds a field, or anything. What does not fit is left out: callers have room. */
__attribute__((format(printf, 2, 3))) void http_answer_add(struct http_answer *answer,
                                                           const char *format, ...);

/* A whole answer with a page of one sentence, or without one for HEAD; MORE is further fields, each
 * with its CRLF. */
void http_answer_page(struct http_answer *answer, int status, const struct http_request *request,
                      const char *more, const char *sentence);

/* What there is to say about a status code. */
const char *http_sentence(int status);

#endif
