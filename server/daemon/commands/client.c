#include "server/daemon/commands/client.h"

#include "relay/clock.h"
#include "server/lib/dial/dial.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* 1200 connections, each with texts of its peer, have less than 2 MiB. */
enum { ANSWER_MAX = 64 << 20, PIECE = 65536 };

static void note_failed(void *arg, const char *address, const char *why)
{
    error_set(
        arg,
        "cannot connect to %s: %s: is actpass running there, with \"admin\" in its configuration?",
        address, why);
}

static int connect_to(const struct config_address *address, int64_t deadline_us,
                      struct error_text *error)
{
    struct candidate winner;
    const struct dial dial = {.addresses = address,
                              .count = 1,
                              .deadline_us = deadline_us,
                              .limit_name = "timeout",
                              .wait = {.cancel_fd = -1},
                              .observer = {.failed = note_failed, .arg = error}};
    return dial_first(&dial, &winner);
}

/* The send buffer of a new socket has room for all of it. */
static bool ask(int fd, const char *path, struct error_text *error)
{
    char request[256];
    int length =
        snprintf(request, sizeof(request), "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", path);
    if (length < 0 || (size_t)length >= sizeof(request))
        return error_set(error, "the path of the request is too long");
    if (send(fd, request, (size_t)length, MSG_NOSIGNAL) != length)
        return error_set(error, "cannot send the request: %s", strerror(errno));
    return true;
}

/* Waits until FD is readable, and reads. 0: the answer has ended; -1 with errno. */
static ssize_t read_piece(int fd, char *piece, int64_t deadline_us)
{
    for (;;) {
        ssize_t got = read(fd, piece, PIECE);
        if (got >= 0 || (errno != EAGAIN && errno != EINTR))
            return got;
        struct timespec left;
        struct pollfd set = {.fd = fd, .events = POLLIN};
        int ready = ppoll(&set, 1, clock_left(deadline_us, &left), NULL);
        if (ready == 0)
            errno = ETIMEDOUT;
        if (ready == 0 || (ready < 0 && errno != EINTR))
            return -1;
    }
}

static bool copy_answer(int fd, FILE *out, int64_t deadline_us, struct error_text *error)
{
    char piece[PIECE];
    ssize_t got = read_piece(fd, piece, deadline_us);
    size_t length = 0;
    for (; got > 0 && length <= ANSWER_MAX; got = read_piece(fd, piece, deadline_us))
        length += fwrite(piece, 1, (size_t)got, out);
    if (got < 0)
        return error_set(error, "no whole answer: %s", strerror(errno));
    return got == 0 || error_set(error, "the answer is too long");
}

/* The caller frees the answer. */
static char *read_answer(int fd, int64_t deadline_us, struct error_text *error)
{
    char *answer = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&answer, &length);
    bool copied = out && copy_answer(fd, out, deadline_us, error);
    bool kept = out && !ferror(out);
    kept = out && fclose(out) == 0 && kept;
    if (!kept)
        error_set_code(error, ERROR_NO_MEMORY, "out of memory");
    if (kept && copied)
        return answer;
    free(answer);
    return NULL;
}

/* Moves the body to the answer's begin. */
static bool keep_body(char *answer, struct error_text *error)
{
    static const char begin[] = "HTTP/1.", end[] = "\r\n\r\n";
    const char *code = strchr(answer, ' ');
    char *body = strstr(answer, end);
    if (strncmp(answer, begin, strlen(begin)) != 0 || !code || !body)
        return error_set(error, "what listens there does not speak HTTP");
    if (strncmp(code, " 200", strlen(" 200")) != 0)
        return error_set(error, "what listens there answers with HTTP status%.4s", code);
    body += strlen(end);
    memmove(answer, body, strlen(body) + 1);
    return true;
}

char *client_get(const struct config_address *address, const char *path, struct error_text *error)
{
    int64_t deadline_us = clock_deadline_ms(CLIENT_TIMEOUT_MS);
    char *answer = NULL;
    int fd = connect_to(address, deadline_us, error);
    if (fd < 0)
        return NULL;
    if (ask(fd, path, error))
        answer = read_answer(fd, deadline_us, error);
    close(fd);
    if (answer && !keep_body(answer, error)) {
        free(answer);
        answer = NULL;
    }
    return answer;
}
