/* The step "starttls" of MySQL, which takes two sockets: the server's greeting is for the client,
 * and the client's request for the server (starttls/mysql.h). Of a service that listens, the server
 * is the backend, which is connected here; of one that dials, the client is the local one. */
#include "server/daemon/preface/preface.h"

#include "server/daemon/handlers/hangup.h"
#include "server/daemon/preface/mysql_backend.h"
#include "server/daemon/starttls/mysql.h"
#include "server/lib/base/would_block.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum phase {
    PHASE_DIAL,     /* the backend is */
    PHASE_GREETING, /* of the server, is awaited */
    PHASE_PASS,     /* is sent to the client */
    PHASE_REQUEST,  /* of the client, is awaited */
    PHASE_ASK       /* is sent to the server */
};

/* preface->state. */
struct mysql {
    enum phase phase;
    struct mysql_backend backend; /* PHASE_DIAL */
    unsigned char out[MYSQL_GREETING_MAX];
    size_t size, sent; /* of OUT */
};

static bool wanted(const struct preface *preface)
{
    return preface->config->starttls == CONFIG_STARTTLS_MYSQL;
}

static enum preface_next fail(struct preface *preface, const char *whose, const char *why)
{
    return preface_fail(preface, ACTPASS_PROTOCOL, "starttls (mysql): %s%s", whose, why);
}

/* ---- The other socket, which is not the peer's ----------------------------------------------- */

static int other_of(const struct preface *preface)
{
    return preface->dialed ? preface->plain : preface->backend;
}

static const char *other_name(const struct preface *preface)
{
    return preface->dialed ? "the local client: " : "the backend: ";
}

static enum preface_next wait_for_other(struct preface *preface, short events)
{
    preface->own = (struct pollfd){.fd = other_of(preface), .events = events};
    return PREFACE_WAITS;
}

/* As preface_peek. */
static ssize_t peek_other(struct preface *preface, void *bytes, size_t size)
{
    ssize_t length = recv(other_of(preface), bytes, size, MSG_PEEK | MSG_DONTWAIT);
    if (length > 0)
        return length;
    if (length < 0 && would_block()) {
        (void)wait_for_other(preface, POLLIN | POLLRDHUP);
        return 0;
    }
    (void)fail(preface, other_name(preface),
               length < 0 ? strerror(errno) : "it has closed before TLS");
    return -1;
}

/* As preface_send. */
static ssize_t send_other(struct preface *preface, const void *bytes, size_t size)
{
    ssize_t length = send(other_of(preface), bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (length >= 0)
        return length;
    if (would_block()) {
        (void)wait_for_other(preface, POLLOUT | POLLRDHUP);
        return 0;
    }
    (void)fail(preface, other_name(preface), strerror(errno));
    return -1;
}

/* For more than the SIZE bytes of the other's that have come. */
static enum preface_next wait_for_more_of_other(struct preface *preface, size_t size)
{
    return hangup_is_behind(other_of(preface), size)
               ? fail(preface, other_name(preface), "it has closed before TLS")
               : wait_for_other(preface, POLLIN | POLLRDHUP);
}

/* For more than the SIZE bytes of the peer's that have come. */
static enum preface_next wait_for_peer(struct preface *preface, size_t size)
{
    return preface_has_ended(preface, size)
               ? fail(preface, "the peer: ", "it has closed before TLS")
               : PREFACE_WAITS;
}

/* ---- The talk -------------------------------------------------------------------------------- */

static bool take_greeting(struct preface *preface, size_t size)
{
    unsigned char greeting[MYSQL_GREETING_MAX];
    if (preface->dialed)
        return preface_take(preface, size);
    return recv(preface->backend, greeting, size, MSG_DONTWAIT) == (ssize_t)size;
}

static const char *server_name(const struct preface *preface)
{
    return preface->dialed ? "the server: " : other_name(preface);
}

/* A server that has said its greeting waits. */
static enum preface_next keep_greeting(struct preface *preface, const unsigned char *bytes,
                                       size_t size, size_t used, size_t offer)
{
    struct mysql *mysql = preface->state;
    if (size > used)
        return fail(preface, server_name(preface),
                    "it has sent more behind its greeting; was something inserted?");
    if (preface->dialed && !mysql_has_tls(bytes[offer]))
        return fail(preface, server_name(preface), "it offers no TLS (have_ssl, --ssl-cert)");
    if (!take_greeting(preface, used))
        return fail(preface, server_name(preface), "its greeting could not be read");
    memcpy(mysql->out, bytes, used);
    mysql->out[offer] = mysql_set_tls(mysql->out[offer], !preface->dialed);
    mysql->size = used;
    mysql->sent = 0;
    mysql->phase = PHASE_PASS;
    return PREFACE_DONE;
}

static enum preface_next read_greeting(struct preface *preface)
{
    unsigned char bytes[MYSQL_GREETING_MAX + 1];
    size_t used = 0, offer = 0;
    struct error_text why;
    ssize_t size = preface->dialed ? preface_peek(preface, bytes, sizeof(bytes))
                                   : peek_other(preface, bytes, sizeof(bytes));
    if (size <= 0)
        return size < 0 ? PREFACE_FAILED : PREFACE_WAITS;
    switch (mysql_read_greeting(bytes, (size_t)size, &used, &offer, &why)) {
    case MYSQL_MORE:
        return preface->dialed ? wait_for_peer(preface, (size_t)size)
                               : wait_for_more_of_other(preface, (size_t)size);
    case MYSQL_WRONG:
        return fail(preface, server_name(preface), why.text);
    case MYSQL_READY:
        break;
    }
    return keep_greeting(preface, bytes, (size_t)size, used, offer);
}

/* PREFACE_DONE: all of OUT is sent, to the peer or to the other. */
static enum preface_next send_out(struct preface *preface, bool to_peer)
{
    struct mysql *mysql = preface->state;
    while (mysql->sent < mysql->size) {
        const unsigned char *rest = mysql->out + mysql->sent;
        size_t left = mysql->size - mysql->sent;
        ssize_t sent =
            to_peer ? preface_send(preface, rest, left) : send_other(preface, rest, left);
        if (sent < 0)
            return PREFACE_FAILED;
        mysql->sent += (size_t)sent;
        if (sent == 0 && to_peer)
            preface->events = POLLOUT;
        if (sent == 0)
            return PREFACE_WAITS;
    }
    return PREFACE_DONE;
}

/* The client is told in its protocol. */
static enum preface_next refuse_client(struct preface *preface, const struct error_text *why)
{
    unsigned char answer[MYSQL_REFUSAL_MAX];
    size_t size = mysql_refuse(answer);
    preface->in_order = preface_send(preface, answer, size) == (ssize_t)size;
    return fail(preface, "", why->text);
}

/* Of the peer, which is the client: TLS begins behind it. */
static enum preface_next read_request(struct preface *preface)
{
    unsigned char bytes[MYSQL_REQUEST_SIZE];
    struct error_text why;
    ssize_t size = preface_peek(preface, bytes, sizeof(bytes));
    if (size <= 0)
        return size < 0 ? PREFACE_FAILED : PREFACE_WAITS;
    switch (mysql_read_request(bytes, (size_t)size, &why)) {
    case MYSQL_MORE:
        return wait_for_peer(preface, (size_t)size);
    case MYSQL_WRONG:
        return refuse_client(preface, &why);
    case MYSQL_READY:
        break;
    }
    return preface_take(preface, MYSQL_REQUEST_SIZE) ? PREFACE_DONE : PREFACE_FAILED;
}

/* Of the local client, which has sent its login: that stays in its socket until there is TLS. */
static enum preface_next make_request(struct preface *preface)
{
    struct mysql *mysql = preface->state;
    unsigned char login[MYSQL_REQUEST_SIZE];
    struct error_text why;
    ssize_t size = peek_other(preface, login, sizeof(login));
    if (size <= 0)
        return size < 0 ? PREFACE_FAILED : PREFACE_WAITS;
    switch (mysql_make_request(login, (size_t)size, mysql->out, &why)) {
    case MYSQL_MORE:
        return wait_for_more_of_other(preface, (size_t)size);
    case MYSQL_WRONG:
        return fail(preface, "", why.text);
    case MYSQL_READY:
        break;
    }
    if (preface_has_more(preface))
        return fail(preface, server_name(preface),
                    "it has sent more behind its greeting; was something inserted?");
    mysql->size = MYSQL_REQUEST_SIZE;
    mysql->sent = 0;
    mysql->phase = PHASE_ASK;
    return PREFACE_DONE;
}

/* ---- Who leaves ------------------------------------------------------------------------------ */

/* Has the side left that nobody reads from in this phase? Nobody who closes can complete a login,
 * so there is no half-close. PREFACE_WAITS: no. */
static enum preface_next look_at_peer(struct preface *preface)
{
    char byte;
    if (!hangup_is_there(preface->fd))
        return PREFACE_WAITS;
    if (preface_peek(preface, &byte, 1) >= 0) /* it has said something, and does not wait for us */
        (void)preface_fail(preface, ACTPASS_TRUNCATED,
                           "starttls (mysql): the peer has closed "
                           "before TLS");
    return PREFACE_FAILED;
}

static enum preface_next look_at_other(struct preface *preface)
{
    return hangup_is_there(other_of(preface))
               ? fail(preface, other_name(preface), "it has closed before TLS")
               : PREFACE_WAITS;
}

/* After PREFACE_WAITS: what the phase itself reads, it looks at. */
static enum preface_next look_for_leaving(struct preface *preface)
{
    const struct mysql *mysql = preface->state;
    bool reads_client = mysql->phase == PHASE_REQUEST;
    if (mysql->phase != PHASE_DIAL && preface->own.fd < 0)
        (void)wait_for_other(preface, POLLRDHUP);
    return preface->dialed == reads_client ? look_at_peer(preface) : look_at_other(preface);
}

/* ---- All ------------------------------------------------------------------------------------- */

static enum preface_next dial(struct preface *preface)
{
    struct mysql *mysql = preface->state;
    enum preface_next next = mysql_backend_dial(preface, &mysql->backend);
    if (next == PREFACE_DONE)
        mysql->phase = PHASE_GREETING;
    return next;
}

/* Sends OUT, then goes on. */
static enum preface_next send_then(struct preface *preface, bool to_peer, enum phase phase)
{
    enum preface_next next = send_out(preface, to_peer);
    if (next == PREFACE_DONE)
        ((struct mysql *)preface->state)->phase = phase;
    return next;
}

/* PREFACE_DONE: the phase has ended. */
static enum preface_next run_phase(struct preface *preface)
{
    switch (((struct mysql *)preface->state)->phase) {
    case PHASE_DIAL:
        return dial(preface);
    case PHASE_GREETING:
        return read_greeting(preface);
    case PHASE_PASS:
        return send_then(preface, !preface->dialed, PHASE_REQUEST);
    case PHASE_REQUEST:
        return preface->dialed ? make_request(preface) : read_request(preface);
    case PHASE_ASK:
        break;
    }
    return send_then(preface, true, PHASE_ASK);
}

static bool begin(struct preface *preface)
{
    struct mysql *mysql = preface->state = calloc(1, sizeof(*mysql));
    if (!mysql) {
        (void)preface_fail(preface, ACTPASS_CANCELLED, "out of memory for STARTTLS");
        return false;
    }
    mysql->phase = preface->dialed ? PHASE_GREETING : PHASE_DIAL;
    if (!preface->dialed)
        mysql_backend_begin(preface, &mysql->backend);
    return true;
}

/* Is this phase, which has ended, the last one? */
static bool is_last(const struct preface *preface, enum phase phase)
{
    return phase == (preface->dialed ? PHASE_ASK : PHASE_REQUEST);
}

/* The client does not wait for an answer to its request: what comes behind that is TLS, or fails as
 * such. */
static enum preface_next end(struct preface *preface)
{
    preface->own = (struct pollfd){.fd = -1};
    return PREFACE_DONE;
}

static enum preface_next run(struct preface *preface)
{
    if (!preface->state && !begin(preface))
        return PREFACE_FAILED;
    for (;;) {
        enum phase phase = ((struct mysql *)preface->state)->phase;
        enum preface_next next = run_phase(preface);
        if (next == PREFACE_WAITS)
            return look_for_leaving(preface);
        if (next != PREFACE_DONE)
            return next;
        if (is_last(preface, phase))
            return end(preface);
    }
}

static void release(void *state)
{
    struct mysql *mysql = state;
    if (mysql)
        mysql_backend_end(&mysql->backend);
    free(mysql);
}

const struct preface_step preface_mysql = {
    .name = "starttls", .wanted = wanted, .run = run, .release = release};
