/* Files of a folder over HTTP/1.1: GET and HEAD, one request after the other. Protected parts are
 * for peers with a certificate, which are asked for it after the request (Linux Journal, October
 * 2001). */
#include "server/daemon/handlers/handler.h"

#include "relay/clock.h"
#include "server/daemon/handlers/http/respond.h"
#include "server/lib/conn.h"
#include "server/lib/idle.h"

#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    HEAD_MS = 10000,      /* from a request's first byte to the end of its head */
    KEEP_ALIVE_MS = 60000 /* between requests, if the configuration has no idle timeout */
};

/* The result of a wait for input. */
enum input { INPUT_MORE, INPUT_LATE, INPUT_STOP, INPUT_ENDED };

/* Makes the buffers if there are none. False: out of memory, which is the close reason. */
static bool make_buffers(struct http *http)
{
    if (!http->buffers)
        http->buffers = malloc(sizeof(*http->buffers));
    if (!http->buffers)
        conn_fail(http->conn, ACTPASS_CANCELLED, "out of memory for the buffers");
    return http->buffers;
}

static void on_idle(void *arg)
{
    struct http *http = arg;
    if (http->filled == 0) {
        free(http->buffers);
        http->buffers = NULL;
    }
    idle_release();
}

/* ---- Input --------------------------------------------------------------------------------- */

/* A descriptor that becomes readable at the deadline; -1: none is available. */
static int open_timer(int64_t deadline_us)
{
    const struct itimerspec when = {.it_value = clock_absolute(deadline_us)};
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (timer >= 0 && timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL) != 0) {
        close(timer);
        timer = -1;
    }
    return timer;
}

static bool is_stopping(const struct http *http)
{
    struct pollfd set = {.fd = http->stopping_fd, .events = POLLIN};
    return poll(&set, 1, 0) > 0;
}

/* At our deadline the connection must not end, since an answer is still to be sent. Without a timer
 * it does end. A wait for a request that has not begun also ends when the server stops. */
static enum input wait_for_input(struct http *http, int64_t deadline_us)
{
    int timer = open_timer(deadline_us);
    struct pollfd extras[] = {{.fd = timer, .events = POLLIN},
                              {.fd = http->stopping_fd, .events = POLLIN}};
    bool open = conn_wait(http->conn, RELAY_READABLE, extras, http->filled == 0 ? 2 : 1,
                          timer < 0 ? deadline_us : DEADLINE_NEVER);
    if (timer >= 0)
        close(timer);
    if (!open)
        return INPUT_ENDED;
    /* TLS messages without data could keep the connection readable, so that the timer is never
     * checked. */
    if (extras[0].revents != 0 || clock_now_us() >= deadline_us)
        return INPUT_LATE;
    return extras[1].revents != 0 ? INPUT_STOP : INPUT_MORE;
}

/* Reads at least one byte. Bytes that arrived before the deadline, or before the stop, are not too
 * late. */
static enum input read_more(struct http *http, int64_t deadline_us)
{
    enum input input = INPUT_MORE;
    while (make_buffers(http)) {
        int64_t got = conn_read_some(http->conn, http->buffers->input + http->filled,
                                     sizeof(http->buffers->input) - http->filled);
        if (got > 0) {
            http->filled += (size_t)got;
            return INPUT_MORE;
        }
        if (got != CONN_AGAIN)
            break; /* close_notify, or a failure */
        if (input != INPUT_MORE)
            return input;
        input = wait_for_input(http, deadline_us);
    }
    return INPUT_ENDED;
}

static int64_t deadline_in(int64_t ms, int64_t max_ms)
{
    return clock_deadline_ms(max_ms != CONFIG_NEVER && max_ms < ms ? max_ms : ms);
}

/* Reads a head. HTTP_MORE: no request has begun, or the connection has ended, so there is nothing
 * to answer. */
static enum http_head read_head(struct http *http, int64_t idle_timeout_ms,
                                struct http_parser *parser)
{
    int64_t keep_alive_ms = idle_timeout_ms == CONFIG_NEVER || idle_timeout_ms > KEEP_ALIVE_MS
                                ? KEEP_ALIVE_MS
                                : idle_timeout_ms;
    int64_t deadline_us = clock_deadline_ms(keep_alive_ms);
    bool begun = false;
    for (;;) {
        if (http->filled > 0) {
            enum http_head head = http_parse(parser, http->buffers->input, http->filled);
            if (head != HTTP_MORE)
                return head;
            deadline_us = begun ? deadline_us : deadline_in(HEAD_MS, idle_timeout_ms);
            begun = true;
        }
        enum input input = read_more(http, deadline_us);
        if (input != INPUT_MORE)
            return input == INPUT_LATE && begun ? HTTP_TIMEOUT : HTTP_MORE;
    }
}

/* ---- Requests ------------------------------------------------------------------------------ */

/* Serves one request. False: it was the last one. */
static bool serve_one(struct http *http, int64_t idle_timeout_ms)
{
    struct http_parser parser = {.line = 0};
    enum http_head head = read_head(http, idle_timeout_ms, &parser);
    if (head == HTTP_MORE)
        return false;
    if (head != HTTP_DONE) {
        parser.request.keep_alive = false;
        (void)http_respond_page(http, (int)head, &parser.request, "", NULL);
        return false;
    }
    parser.request.keep_alive = parser.request.keep_alive && !is_stopping(http);
    if (!http_respond(http, &parser.request) || !parser.request.keep_alive)
        return false;
    http->filled -= parser.scanned; /* the next request may have arrived already */
    memmove(http->buffers->input, http->buffers->input + parser.scanned, http->filled);
    return true;
}

static void serve(struct handler_job *job)
{
    struct http http = {.conn = job->conn,
                        .config = &job->what->http,
                        .guard = job->loaded,
                        .stopping_fd = job->stopping_fd};
    conn_on_idle(job->conn, on_idle, &http);
    while (serve_one(&http, job->idle_timeout_ms)) {
    }
    conn_on_idle(job->conn, NULL, NULL);
    free(http.buffers);
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
    .name = "http", .descriptors = 1, .load = load, .unload = unload, .run = serve};
