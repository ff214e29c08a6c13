/* Which request has which answer. Knows neither sockets nor libmicrohttpd. */
#ifndef ACTPASS_SERVER_ADMIN_ANSWER_H
#define ACTPASS_SERVER_ADMIN_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

struct server;

struct request {
    const char *method;
    const char *path;        /* without the query */
    const char *host;        /* of the header; NULL: there is none */
    const char *connections; /* of the query; NULL: there is none */
};

enum answer_status {
    ANSWER_OK = 200,
    ANSWER_BAD_REQUEST = 400,
    ANSWER_WRONG_HOST = 403,
    ANSWER_NOT_FOUND = 404,
    ANSWER_WRONG_METHOD = 405,
    ANSWER_OUT_OF_MEMORY = 500,
    ANSWER_STOPPING = 503
};

struct answer {
    enum answer_status status;
    const char *type; /* of the content */
    const char *body; /* LENGTH bytes, which live for ever; unless it is OWNED */
    char *owned;      /* NULL, or the body, which the caller frees */
    size_t length;
};

typedef void answer_function(void *arg, const struct request *request, struct answer *answer);

/* Who may ask: on TCP, only with a Host that is a loopback address or localhost. */
enum answer_guard { ANSWER_ANY_HOST, ANSWER_LOCAL_HOST };

/* Fills *ANSWER, which is all zero. The thread of the listener. */
void answer_make(struct server *server, enum answer_guard guard, const struct request *request,
                 struct answer *answer);

bool answer_knows_method(const char *method);

/* Is that the value of a Host header for this machine alone? A request without one cannot come from
 * a page of another site. */
bool answer_is_local(const char *host);

#endif
