/* The head of an HTTP/1.1 request (RFC 9112), read strictly: it has one meaning, or it is
 * refused. So two programs cannot read different requests from the same bytes (hazard 52). Pure
 * functions. */
#ifndef ACTPASS_SERVER_HANDLERS_HTTP_PARSE_H
#define ACTPASS_SERVER_HANDLERS_HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    HTTP_REQUEST_LINE_MAX = 8192, /* without its CRLF; beyond it: 414 */
    HTTP_FIELDS_BYTES_MAX = 16384,
    HTTP_FIELDS_MAX = 100, /* beyond one of the two: 431 */
    HTTP_HEAD_MAX = HTTP_REQUEST_LINE_MAX + HTTP_FIELDS_BYTES_MAX + 8
};

/* The result of reading a head. A refusal has the value of its status code. */
enum http_head {
    HTTP_MORE, /* the head is not complete yet */
    HTTP_DONE, /* it is complete and accepted */
    HTTP_BAD_REQUEST = 400,
    HTTP_TIMEOUT = 408, /* not from the parser */
    HTTP_URI_TOO_LONG = 414,
    HTTP_FIELDS_TOO_LARGE = 431,
    HTTP_BAD_VERSION = 505
};

/* A part of the input; at is NULL if the part is absent. */
struct http_text {
    const char *at;
    size_t length;
};

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_CONNECT, /* its target is an authority, and has no path */
    HTTP_OTHER_METHOD,
    HTTP_UNKNOWN_METHOD
};

/* The fields that have a meaning here. Each may occur once; CONNECTION is a list and may be
 * repeated. */
enum http_field {
    HTTP_HOST,
    HTTP_CONTENT_LENGTH,
    HTTP_TRANSFER_ENCODING,
    HTTP_RANGE,
    HTTP_IF_RANGE,
    HTTP_IF_MATCH,
    HTTP_IF_NONE_MATCH,
    HTTP_IF_MODIFIED_SINCE,
    HTTP_IF_UNMODIFIED_SINCE,
    HTTP_MAX_FORWARDS,
    HTTP_CONNECTION,
    HTTP_FIELD_COUNT
};

struct http_request {
    enum http_method method;
    struct http_text path;      /* begins with "/", or is empty; not decoded, without the query */
    struct http_text query;     /* with its "?" */
    struct http_text authority; /* of a target in absolute form, or of CONNECT */
    bool version_1_0;
    bool keep_alive;
    bool has_body;
    struct http_text fields[HTTP_FIELD_COUNT];
};

/* All zero to begin with. The request's texts point into the input, which must stay where it is. */
struct http_parser {
    struct http_request request;
    size_t line;         /* where the current line begins */
    size_t scanned;      /* the input was parsed up to here; at the end: the length of the head */
    size_t fields_begin; /* 0: the request line is still to come */
    size_t field_count;
    bool asked_close, asked_keep_alive;
};

/* Parses what was added to the input since the last call. After a refusal the rest of the input has
 * no meaning. Never HTTP_MORE once there are HTTP_HEAD_MAX bytes. */
enum http_head http_parse(struct http_parser *parser, const char *input, size_t size);

/* Equal, ASCII case ignored? */
bool http_text_is(struct http_text text, const char *word);

/* Without spaces and tabs at both ends. */
struct http_text http_text_trim(struct http_text text);

/* Cuts off the list's first element, trimmed. False: the list was empty. Not for quoted strings. */
bool http_text_element(struct http_text *list, struct http_text *element);

#endif
