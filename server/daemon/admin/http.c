#include "server/daemon/admin/http.h"

#include "server/daemon/admin/limits.h"

#include <stddef.h>

#ifdef HAVE_LIBMICROHTTPD

#include "server/daemon/admin/guests.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { MEMORY = 16384, TIMEOUT_S = 15 };

struct http_server {
    struct MHD_Daemon *daemon;
    answer_function *answer;
    void *arg;
    struct guests guests; /* the thread's */
};

const char *http_missing(void)
{
    return NULL;
}

/* No page of another site may be in ours, nor ours in another; nothing is kept. */
static const char *const headers[][2] = {
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src "
     "'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
};

static bool add_headers(struct MHD_Response *response, const struct answer *answer)
{
    bool added = MHD_add_response_header(response, "Content-Type", answer->type) == MHD_YES;
    if (answer->status == ANSWER_WRONG_METHOD)
        added = MHD_add_response_header(response, "Allow", "GET, HEAD") == MHD_YES && added;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        added = MHD_add_response_header(response, headers[i][0], headers[i][1]) == MHD_YES && added;
    return added;
}

/* Takes the answer's body. NULL: out of memory. */
static struct MHD_Response *respond(struct answer *answer)
{
    bool owned = answer->owned;
    /* The body is only read: the parameter is not const for the sake of MUST_FREE. */
    void *body = owned ? (void *)answer->owned : (void *)(uintptr_t)answer->body;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        answer->length, body, owned ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    if (!response) {
        free(answer->owned);
        return NULL;
    }
    if (add_headers(response, answer))
        return response;
    MHD_destroy_response(response);
    return NULL;
}

static enum MHD_Result answer_request(struct http_server *http, struct MHD_Connection *connection,
                                      const char *method, const char *path)
{
    struct answer answer = {.status = 0};
    const struct request request = {
        .method = method,
        .path = path,
        .host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host"),
        .connections =
            MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "connections")};
    http->answer(http->arg, &request, &answer);
    unsigned status = (unsigned)answer.status;
    struct MHD_Response *response = respond(&answer);
    if (!response)
        return MHD_NO; /* the connection is closed */
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

/* Without memory for it, a connection may not stay. */
static void on_connection(void *arg, struct MHD_Connection *connection, void **guest,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http_server *http = arg;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        guests_leave(&http->guests, *guest);
        *guest = NULL;
    } else if (info) {
        *guest = guests_enter(&http->guests, info->connect_fd);
        if (!*guest)
            (void)shutdown(info->connect_fd, SHUT_RDWR);
    }
}

static void note_request(struct http_server *http, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    guests_asked(&http->guests, info ? info->socket_context : NULL);
}

/* Called first when the headers are there; then once for each part of a body, which is discarded;
 * and at the end without one. A method that has no answer is refused before its body. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    struct http_server *http = arg;
    (void)version;
    (void)data;
    if (!*state && answer_knows_method(method)) {
        *state = http;
        return MHD_YES;
    }
    if (*size > 0) {
        *size = 0;
        return MHD_YES;
    }
    note_request(http, connection);
    return answer_request(http, connection, method, path);
}

/* No path of ours needs an escape, and a NUL among them would hide what follows: texts stay as they
 * were sent. */
static size_t leave_escaped(void *arg, struct MHD_Connection *connection, char *text)
{
    (void)arg;
    (void)connection;
    return strlen(text);
}

/* For messages, which are not shown. Where there is no descriptor for the first connection,
 * libmicrohttpd only says so, and tries again at once: this pause is all that it does then. */
static void pause_at_shortage(void *arg, const char *format, va_list arguments)
{
    static const struct timespec pause = {.tv_nsec = 100000000};
    (void)arg;
    (void)arguments;
    if (strstr(format, "resource limit"))
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

struct http_server *http_start(int fd, answer_function *answer, void *arg)
{
    struct http_server *http = malloc(sizeof(*http));
    if (!http)
        return NULL;
    /* One below the limit, at which libmicrohttpd would not even accept the next. */
    *http = (struct http_server){
        .answer = answer, .arg = arg, .guests = {.max = ADMIN_CONNECTIONS - 1}};
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request,
        http, MHD_OPTION_EXTERNAL_LOGGER, pause_at_shortage, NULL, MHD_OPTION_UNESCAPE_CALLBACK,
        leave_escaped, NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)ADMIN_CONNECTIONS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)TIMEOUT_S, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (http->daemon)
        return http;
    free(http);
    return NULL;
}

/* After MHD_quiesce_daemon the listening socket is ours again; else it would be closed. */
void http_stop(struct http_server *http)
{
    if (!http)
        return;
    (void)MHD_quiesce_daemon(http->daemon);
    MHD_stop_daemon(http->daemon);
    free(http);
}

#else

const char *http_missing(void)
{
    return "this actpass was built without libmicrohttpd, which \"admin\" needs: build it where "
           "libmicrohttpd-dev is installed, or remove \"admin\"";
}

struct http_server *http_start(int fd, answer_function *answer, void *arg)
{
    (void)fd;
    (void)answer;
    (void)arg;
    return NULL;
}

void http_stop(struct http_server *http)
{
    (void)http;
}

#endif
