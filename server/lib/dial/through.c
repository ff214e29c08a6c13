#include "server/lib/dial/through.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum { CHUNK = 1024 };

bool through_load(struct through *through, const struct config_through *config,
                  struct error_text *error)
{
    *through = (struct through){.proxy = &config->proxy};
    return !config->credentials_file ||
           credentials_read(&through->credentials, config->credentials_file, error);
}

void through_wipe(struct through *through)
{
    credentials_wipe(&through->credentials);
}

/* ---- The protocol -------------------------------------------------------------------------- */

void through_begin(struct through_talk *talk, const struct through *through,
                   const struct config_address *to, int fd)
{
    talk->through = through;
    talk->fd = fd;
    talk->sent = 0;
    if (through->proxy->kind == CONFIG_PROXY_HTTP)
        http_connect_begin(&talk->http, to, &through->credentials, &talk->request);
    else
        socks5_begin(&talk->socks, to, &through->credentials, &talk->request);
}

static enum proxy_answer take(struct through_talk *talk, const unsigned char *bytes, size_t size,
                              size_t *used, struct error_text *why)
{
    if (talk->through->proxy->kind == CONFIG_PROXY_HTTP)
        return http_connect_take(&talk->http, bytes, size, used, why);
    return socks5_take(&talk->socks, bytes, size, used, &talk->request, why);
}

static enum through_result fail(const struct through_talk *talk, const char *what,
                                struct error_text *why)
{
    (void)error_set(why, "the proxy %s %s", talk->through->proxy->address.text, what);
    return THROUGH_FAILED;
}

static enum through_result fail_with(const struct through_talk *talk, int error,
                                     struct error_text *why)
{
    (void)error_set(why, "the proxy %s does not answer: %s", talk->through->proxy->address.text,
                    strerror(error));
    return THROUGH_FAILED;
}

/* ---- The socket ---------------------------------------------------------------------------- */

static bool must_send(const struct through_talk *talk)
{
    return talk->sent < talk->request.size;
}

/* THROUGH_UP: the request is sent. */
static enum through_result send_request(struct through_talk *talk, struct error_text *why)
{
    while (must_send(talk)) {
        ssize_t sent = send(talk->fd, talk->request.bytes + talk->sent,
                            talk->request.size - talk->sent, MSG_NOSIGNAL);
        if (sent >= 0)
            talk->sent += (size_t)sent;
        else if (errno == EAGAIN)
            return THROUGH_WAITS;
        else if (errno != EINTR)
            return fail_with(talk, errno, why);
    }
    return THROUGH_UP;
}

/* Removes what was seen, and no more, from the socket. */
static int discard(int fd, size_t size)
{
    unsigned char seen[CHUNK];
    while (size > 0) {
        ssize_t got = recv(fd, seen, size, 0);
        if (got == 0)
            return ECONNRESET;
        if (got < 0 && errno != EINTR)
            return errno;
        size -= got > 0 ? (size_t)got : 0;
    }
    return 0;
}

/* Looks at what has come, and takes what belongs to the answer. THROUGH_UP: *ANSWER was set. */
static enum through_result receive(struct through_talk *talk, enum proxy_answer *answer,
                                   struct error_text *why)
{
    unsigned char bytes[CHUNK];
    struct error_text reason = {.text = ""};
    size_t used = 0;
    ssize_t got = recv(talk->fd, bytes, sizeof(bytes), MSG_PEEK);
    if (got == 0)
        return fail(talk, "closed the connection before it had answered", why);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? THROUGH_WAITS : fail_with(talk, errno, why);
    *answer = take(talk, bytes, (size_t)got, &used, &reason);
    if (*answer == PROXY_REFUSES)
        return fail(talk, reason.text, why);
    int error = discard(talk->fd, used);
    return error == 0 ? THROUGH_UP : fail_with(talk, error, why);
}

/* Goes on until the socket has no more, since it may be watched edge-triggered. */
enum through_result through_step(struct through_talk *talk, struct error_text *why)
{
    enum proxy_answer answer = PROXY_MORE;
    enum through_result result = THROUGH_UP;
    while (result == THROUGH_UP && answer != PROXY_UP) {
        result = send_request(talk, why);
        if (result == THROUGH_UP)
            result = receive(talk, &answer, why);
        if (result == THROUGH_UP && answer == PROXY_ASKS)
            talk->sent = 0;
    }
    return result;
}

short through_events(const struct through_talk *talk)
{
    return must_send(talk) ? POLLOUT : POLLIN;
}

void through_end(struct through_talk *talk)
{
    OPENSSL_cleanse(&talk->request, sizeof(talk->request));
    talk->sent = 0;
}
