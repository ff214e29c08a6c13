/* An answer: its head is written into a buffer, and sent before the body. */
#ifndef ACTPASS_SERVER_HANDLERS_HTTP_ANSWER_H
#define ACTPASS_SERVER_HANDLERS_HTTP_ANSWER_H

#include "server/daemon/handlers/http/parse.h"

#include <stdint.h>

struct http_answer {
    char *at;
    size_t size, length;
};

/* Writes the status line, Date and Connection. The request may be one that the parser refused. */
void http_answer_begin(struct http_answer *answer, int status, const struct http_request *request);

/* Appends text, such as a field. Text that does not fit is left out: callers have room. */
__attribute__((format(printf, 2, 3))) void http_answer_add(struct http_answer *answer,
                                                           const char *format, ...);

/* Writes a whole answer with a page of one sentence (none for HEAD). MORE: further fields, each
 * with its CRLF. */
void http_answer_page(struct http_answer *answer, int status, const struct http_request *request,
                      const char *more, const char *sentence);

/* The sentence for a status code. */
const char *http_sentence(int status);

#endif
