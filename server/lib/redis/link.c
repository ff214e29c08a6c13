#include "server/lib/redis/link.h"

#include "relay/clock.h"
#include "server/lib/redis/internal.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes of the largest answer: a session's record, and the protocol's framing. */
enum { MAX_ANSWER = 16384 + 1024 };

struct redis_link {
    const struct redis_words *words;
    int fd;
    SSL *ssl; /* NULL: plain */
    redisReader *reader;
    size_t answered; /* bytes of the answer so far */
};

static bool fail(const struct redis_link *link, struct error_text *problem, const char *what,
                 int error)
{
    return error_set(problem, "%s: %s: %s", link->words->title, what, strerror(error));
}

/* 0, or an errno. */
static int wait_for(int fd, short events, int64_t deadline_us)
{
    struct timespec left;
    struct pollfd set = {.fd = fd, .events = events};
    for (;;) {
        int ready = ppoll(&set, 1, clock_left(deadline_us, &left), NULL);
        if (ready >= 0)
            return ready ? 0 : ETIMEDOUT;
        if (errno != EINTR)
            return errno;
    }
}

/* ---- Connect ------------------------------------------------------------------------------ */

struct failure {
    const struct redis_words *words;
    struct error_text *problem;
};

static void note_failure(void *arg, const char *address, const char *why)
{
    const struct failure *failure = arg;
    (void)address;
    error_set(failure->problem, "%s: cannot connect: %s", failure->words->title, why);
}

static int connect_any(const struct redis_place *place, int64_t deadline_us,
                       struct error_text *problem)
{
    struct candidate winner;
    struct failure failure = {place->words, problem};
    const struct dial dial = {.deadline_us = deadline_us,
                              .limit_name = "the time limit",
                              .wait = {.cancel_fd = -1},
                              .observer = {.failed = note_failure, .arg = &failure}};
    return dial_list(&dial, place->candidates, place->count, &winner);
}

static bool shake_hands(struct redis_link *link, struct redis_tls *tls, int64_t deadline_us,
                        struct error_text *problem)
{
    short events = 0;
    int done = 0, error = 0;
    if (!tls)
        return true;
    link->ssl = redis_tls_open(tls, link->fd);
    if (!link->ssl)
        return fail(link, problem, "TLS", ENOMEM);
    while (!error && done == 0) {
        done = redis_tls_shake(link->ssl, link->words, &events, problem);
        if (done == 0)
            error = wait_for(link->fd, events, deadline_us);
    }
    return error ? fail(link, problem, "the TLS handshake failed; does it speak TLS at that port?",
                        error)
                 : done > 0;
}

/* Does not print the answer, since Redis was sent a secret. */
static void fail_authentication(const struct redis_link *link, const redisReply *reply,
                                struct error_text *problem)
{
    const struct redis_words *words = link->words;
    if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "WRONGPASS", 9) == 0)
        error_set(problem, "%s: it refuses the password: check %s and the user in the URL",
                  words->title, words->password_key);
    else
        error_set(problem,
                  "%s: it does not take our AUTH: has it a password set (requirepass) or this user "
                  "(ACL)?",
                  words->title);
}

static bool authenticate(struct redis_link *link, const struct redis_place *place,
                         int64_t deadline_us, struct error_text *problem)
{
    const char *words[3] = {"AUTH"};
    size_t sizes[3] = {4};
    int count = 1;
    if (place->password.size == 0)
        return true;
    if (place->user) {
        words[count] = place->user;
        sizes[count++] = strlen(place->user);
    }
    words[count] = place->password.text;
    sizes[count++] = place->password.size;
    redisReply *reply = redis_link_ask(link, count, words, sizes, deadline_us, problem);
    bool accepted = reply && reply->type == REDIS_REPLY_STATUS;
    if (reply && !accepted)
        fail_authentication(link, reply, problem);
    freeReplyObject(reply);
    return accepted;
}

static bool select_db(struct redis_link *link, unsigned db, int64_t deadline_us,
                      struct error_text *problem)
{
    char number[16];
    const char *words[] = {"SELECT", number};
    size_t sizes[] = {6, (size_t)snprintf(number, sizeof(number), "%u", db)};
    if (db == 0)
        return true;
    redisReply *reply = redis_link_ask(link, 2, words, sizes, deadline_us, problem);
    bool selected = reply && reply->type == REDIS_REPLY_STATUS;
    if (reply && !selected)
        error_set(problem, "%s: database %u cannot be selected: %.100s", link->words->title, db,
                  reply->type == REDIS_REPLY_ERROR ? reply->str : "it gives no reason");
    freeReplyObject(reply);
    return selected;
}

struct redis_link *redis_link_open(const struct redis_place *place, int64_t deadline_us,
                                   struct error_text *problem)
{
    struct redis_link *link = calloc(1, sizeof(*link));
    if (!link)
        goto out;
    link->words = place->words;
    link->reader = redisReaderCreate();
    if (!link->reader)
        goto out_link;
    link->fd = connect_any(place, deadline_us, problem);
    if (link->fd >= 0 && shake_hands(link, place->tls, deadline_us, problem) &&
        authenticate(link, place, deadline_us, problem) &&
        select_db(link, place->db, deadline_us, problem))
        return link;
    redis_link_close(link);
    return NULL;
out_link:
    free(link);
out:
    error_set(problem, "%s: out of memory", place->words->title);
    return NULL;
}

void redis_link_close(struct redis_link *link)
{
    if (!link)
        return;
    SSL_free(link->ssl);
    if (link->fd >= 0)
        close(link->fd);
    redisReaderFree(link->reader);
    free(link);
}

/* ---- Ask ---------------------------------------------------------------------------------- */

static ssize_t send_some(struct redis_link *link, const char *data, size_t size, short *events)
{
    *events = POLLOUT;
    return link->ssl ? redis_tls_send(link->ssl, data, size, events)
                     : send(link->fd, data, size, MSG_NOSIGNAL);
}

/* Asks TLS first, since poll does not see what it has decrypted already. */
static ssize_t receive_some(struct redis_link *link, char *buffer, size_t size, int64_t deadline_us)
{
    short events = POLLIN;
    ssize_t got = -1;
    int error = 0;
    if (link->ssl)
        got = redis_tls_recv(link->ssl, buffer, size, &events);
    if (got < 0 && (!link->ssl || errno == EAGAIN))
        error = wait_for(link->fd, events, deadline_us);
    if (error) {
        errno = error;
        return -1;
    }
    if (!link->ssl)
        return recv(link->fd, buffer, size, 0);
    return got;
}

static bool send_all(struct redis_link *link, const char *data, size_t size, int64_t deadline_us,
                     struct error_text *problem)
{
    int error = 0;
    short events;
    while (size > 0 && !error) {
        ssize_t sent = send_some(link, data, size, &events);
        if (sent >= 0) {
            data += sent;
            size -= (size_t)sent;
        } else if (errno == EAGAIN) {
            error = wait_for(link->fd, events, deadline_us);
        } else if (errno != EINTR) {
            error = errno;
        }
    }
    return !error || fail(link, problem, "cannot ask", error);
}

/* One read of the answer. Refuses an array, which does not answer any of our commands, since
 * hiredis would allocate the announced length. */
static bool take_some(struct redis_link *link, int64_t deadline_us, struct error_text *problem)
{
    char buffer[4096];
    ssize_t got = receive_some(link, buffer, sizeof(buffer), deadline_us);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got <= 0)
        return fail(link, problem, "no answer", got < 0 ? errno : ECONNRESET);
    bool strange = link->answered == 0 && !memchr("+-:$", buffer[0], 4);
    link->answered += (size_t)got;
    if (strange || link->answered > MAX_ANSWER ||
        redisReaderFeed(link->reader, buffer, (size_t)got) != REDIS_OK)
        return fail(link, problem, "it answers something that is not Redis", EPROTO);
    return true;
}

static redisReply *take_answer(struct redis_link *link, int64_t deadline_us,
                               struct error_text *problem)
{
    void *reply = NULL;
    link->answered = 0;
    while (take_some(link, deadline_us, problem)) {
        if (redisReaderGetReply(link->reader, &reply) != REDIS_OK) {
            fail(link, problem, "it answers something that is not Redis", EPROTO);
            return NULL;
        }
        if (reply && link->reader->pos == link->reader->len)
            return reply;
        if (reply) {
            freeReplyObject(reply);
            fail(link, problem, "it answers more than it was asked", EPROTO);
            return NULL;
        }
    }
    return NULL;
}

redisReply *redis_link_ask(struct redis_link *link, int count, const char *const *words,
                           const size_t *sizes, int64_t deadline_us, struct error_text *problem)
{
    char *command = NULL;
    int size = (int)redisFormatCommandArgv(&command, count, (const char **)words, sizes);
    if (size < 0) {
        error_set(problem, "%s: out of memory", link->words->title);
        return NULL;
    }
    bool sent = send_all(link, command, (size_t)size, deadline_us, problem);
    OPENSSL_cleanse(command, (size_t)size); /* it may hold the password */
    redisFreeCommand(command);
    return sent ? take_answer(link, deadline_us, problem) : NULL;
}
