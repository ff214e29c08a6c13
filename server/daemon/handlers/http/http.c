/* Files of a folder over HTTP/1.1: GET and HEAD, one request after the other. Protected parts are
 * for peers with a certificate, which are asked for it after the request (Linux Journal, October
 * 2001). */
#include "server/daemon/handlers/handler.h"

#include "relay/clock.h"
#include "server/daemon/crew/crew.h"
#include "server/daemon/handlers/http/respond.h"

#include <stdlib.h>
#include <string.h>

enum {
    HEAD_MS = 10000,      /* from a request's first byte to the end of its head */
    KEEP_ALIVE_MS = 60000 /* between requests, if the configuration has no idle timeout */
};

/* What is kept of a connection from step to step. */
struct exchange {
    struct http http;
    struct http_parser parser; /* of the head that is being read */
    bool begun;                /* some of it has arrived */
    int64_t deadline_us;       /* for the first byte of a head; once it has begun, for its end */
    int socket;                /* to ask whether there is input; -1: there is none any more */
    bool answering;            /* an answer is on its way */
};

/* The result of a look at the input. */
enum input {
    INPUT_MORE,
    INPUT_NONE, /* not yet */
    INPUT_LATE, /* and the deadline has passed */
    INPUT_ENDED /* close_notify, or a failure */
};

/* ---- Input --------------------------------------------------------------------------------- */

/* Makes the buffers if there are none. False: out of memory, which is the close reason. */
static bool make_buffers(struct http *http)
{
    if (!http->buffers)
        http->buffers = malloc(sizeof(*http->buffers));
    if (!http->buffers)
        actpass_fail(http->conn, ACTPASS_CANCELLED, "out of memory for the buffers");
    return http->buffers;
}

static void release_idle(struct http *http)
{
    if (http->filled > 0) /* an answer is made while its request is still there */
        return;
    free(http->buffers);
    http->buffers = NULL;
}

/* Without buffers it reads to the stack first: whether there is input is not known before, and an
 * idle connection must not get its buffers back for nothing. */
static int64_t read_first(struct http *http)
{
    char first[4096];
    int64_t got = actpass_read(http->conn, first, sizeof(first));
    if (got <= 0)
        return got;
    if (!make_buffers(http))
        return -1;
    memcpy(http->buffers->input, first, (size_t)got);
    return got;
}

/* Bytes that arrived before the deadline are not too late. But a read in vain could find that the
 * connection's idle timeout has passed, too, and that would not end it in order. (That timeout
 * counts from the first read after the last data, so our deadline, which is set before that read,
 * is never later.) */
static bool is_readable(const struct exchange *exchange)
{
    struct pollfd socket = {.fd = exchange->socket, .events = POLLIN};
    return poll(&socket, 1, 0) > 0;
}

/* Reads what is there. */
static enum input read_some(struct exchange *exchange)
{
    struct http *http = &exchange->http;
    bool late = clock_now_us() >= exchange->deadline_us;
    if (late && !is_readable(exchange))
        return INPUT_LATE;
    int64_t got = http->buffers ? actpass_read(http->conn, http->buffers->input + http->filled,
                                               sizeof(http->buffers->input) - http->filled)
                                : read_first(http);
    if (got > 0) {
        http->filled += (size_t)got;
        return INPUT_MORE;
    }
    if (got != ACTPASS_AGAIN)
        return INPUT_ENDED;
    /* TLS messages without data could keep the connection readable. */
    return late ? INPUT_LATE : INPUT_NONE;
}

/* ---- Requests ------------------------------------------------------------------------------ */

static int64_t deadline_in(const struct handler_job *job, int64_t ms)
{
    int64_t max_ms = job->idle_timeout_ms;
    return clock_deadline_ms(max_ms != CONFIG_NEVER && max_ms < ms ? max_ms : ms);
}

static void expect_head(const struct handler_job *job, struct exchange *exchange)
{
    exchange->parser = (struct http_parser){.line = 0};
    exchange->begun = false;
    exchange->deadline_us = deadline_in(job, KEEP_ALIVE_MS);
}

/* Parses what there is of a head. */
static enum http_head parse(const struct handler_job *job, struct exchange *exchange)
{
    struct http *http = &exchange->http;
    if (http->filled == 0)
        return HTTP_MORE;
    if (!exchange->begun)
        exchange->deadline_us = deadline_in(job, HEAD_MS);
    exchange->begun = true;
    return http_parse(&exchange->parser, http->buffers->input, http->filled);
}

/* The answer has been sent. */
static enum handler_next next_request(const struct handler_job *job, struct exchange *exchange)
{
    struct http *http = &exchange->http;
    struct http_parser *parser = &exchange->parser;
    http_send_end(&http->output);
    exchange->answering = false;
    if (!parser->request.keep_alive)
        return HANDLER_DONE;
    http->filled -= parser->scanned; /* the next request may have arrived already */
    memmove(http->buffers->input, http->buffers->input + parser->scanned, http->filled);
    expect_head(job, exchange);
    return HANDLER_MORE; /* the server may have begun to stop meanwhile */
}

/* A peer that reads slowly holds no thread. The connection's write timeout ends it. */
static enum handler_next send_answer(const struct handler_job *job, struct exchange *exchange)
{
    struct http *http = &exchange->http;
    switch (http_send(&http->output, http->buffers->output, http->conn)) {
    case HTTP_SENT_ALL:
        return next_request(job, exchange);
    case HTTP_SENT_SOME:
        exchange->deadline_us = DEADLINE_NEVER;
        return HANDLER_WAIT;
    case HTTP_SENT_MUCH:
        return HANDLER_MORE;
    case HTTP_SENT_FAILED:
        break;
    }
    return HANDLER_DONE;
}

/* Answers a head that was accepted, or refused with the status code HEAD. */
static enum handler_next answer(const struct handler_job *job, struct exchange *exchange,
                                enum http_head head)
{
    struct http *http = &exchange->http;
    struct http_request *request = &exchange->parser.request;
    request->keep_alive = head == HTTP_DONE && request->keep_alive && !job->stopping;
    if (head == HTTP_DONE) {
        crew_block();
        exchange->answering = http_respond(http, request);
        crew_unblock();
    } else {
        http_respond_page(http, (int)head, request, "", NULL);
        exchange->answering = true;
    }
    return exchange->answering ? send_answer(job, exchange) : HANDLER_DONE;
}

/* Reads a head, as far as it is there, and answers it. If no request has begun, there is nothing to
 * answer, and a stop ends the wait. */
static enum handler_next serve_one(const struct handler_job *job, struct exchange *exchange)
{
    for (;;) {
        enum http_head head = parse(job, exchange);
        if (head != HTTP_MORE)
            return answer(job, exchange, head);
        switch (read_some(exchange)) {
        case INPUT_MORE:
            break;
        case INPUT_NONE:
            return job->stopping && !exchange->begun ? HANDLER_DONE : HANDLER_WAIT;
        case INPUT_LATE:
            return exchange->begun ? answer(job, exchange, HTTP_TIMEOUT) : HANDLER_DONE;
        case INPUT_ENDED:
            return HANDLER_DONE;
        }
    }
}

static bool begin(struct handler_job *job)
{
    struct pollfd socket;
    struct exchange *exchange = calloc(1, sizeof(*exchange));
    if (!exchange) {
        actpass_fail(job->conn, ACTPASS_CANCELLED, "out of memory for the handler");
        return false;
    }
    exchange->http = (struct http){.conn = job->conn,
                                   .config = &job->what->http,
                                   .guard = job->loaded,
                                   .output = HTTP_NO_OUTPUT};
    (void)actpass_prepare_wait(job->conn, &socket);
    exchange->socket = socket.fd;
    expect_head(job, exchange);
    job->state = exchange;
    return true;
}

static void end(struct handler_job *job)
{
    struct exchange *exchange = job->state;
    http_send_end(&exchange->http.output);
    free(exchange->http.buffers);
    free(exchange);
    job->state = NULL;
}

static enum handler_next serve(struct handler_job *job)
{
    if (!job->state && !begin(job))
        return HANDLER_DONE;
    struct exchange *exchange = job->state;
    if (job->idle)
        release_idle(&exchange->http);
    enum handler_next next =
        exchange->answering ? send_answer(job, exchange) : serve_one(job, exchange);
    job->deadline_us = exchange->deadline_us;
    job->used = job->used || exchange->begun || exchange->answering;
    if (next == HANDLER_DONE)
        end(job);
    return next;
}

/* ---- The handler --------------------------------------------------------------------------- */

static bool load(const struct config_handler *what, void **loaded, struct error_text *error)
{
    *loaded = http_guard_new(&what->http, error);
    return *loaded;
}

static void unload(void *loaded)
{
    http_guard_free(loaded);
}

const struct handler http_handler = {
    .name = "http", .descriptors = 2, .load = load, .unload = unload, .step = serve};
