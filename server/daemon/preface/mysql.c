/* The step "starttls" of MySQL, which takes two sockets: the server's greeting is for the client,
 * and the client's request for the server (starttls/mysql.h). Of a service that listens, the server
 * is the backend, which is connected here; of one that dials, the client is the local one. */
#include "server/daemon/preface/preface.h"

#include "relay/clock.h"
#include "server/daemon/starttls/mysql.h"
#include "server/lib/base/would_block.h"
#include "server/lib/dial/race.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum phase {
    PHASE_BEGIN,
    PHASE_DIAL,
    PHASE_GREETING, /* of the server, is awaited */
    PHASE_PASS,     /* is sent to the client */
    PHASE_REQUEST,  /* of the client, is awaited */
    PHASE_ASK       /* is sent to the server */
};

/* preface->state. */
struct mysql {
    enum phase phase;
    struct dial dial;
    struct race race; /* PHASE_DIAL */
    struct error_text reason;
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

/* ---- The backend ----------------------------------------------------------------------------- */

static const struct config_address *backend_of(const struct preface *preface)
{
    return preface->config->as_server.forward.items;
}

static void note_failure(void *arg, const char *address, const char *why)
{
    struct mysql *mysql = arg;
    (void)address;
    (void)error_set(&mysql->reason, "%s", why);
}

static void begin_dial(struct preface *preface)
{
    struct mysql *mysql = preface->state;
    mysql->dial = (struct dial){.addresses = backend_of(preface),
                                .count = 1,
                                .deadline_us = DEADLINE_NEVER,
                                .limit_name = "handshake_timeout",
                                .wait = {.cancel_fd = -1},
                                .observer = {.failed = note_failure, .arg = mysql}};
    race_begin(&mysql->race, &mysql->dial);
    mysql->phase = PHASE_DIAL;
}

static void end_dial(struct mysql *mysql, enum phase phase)
{
    if (mysql->phase == PHASE_DIAL)
        race_end(&mysql->race, 0);
    mysql->phase = phase;
}

static enum preface_next dial(struct preface *preface)
{
    struct mysql *mysql = preface->state;
    struct candidate winner;
    int fd;
    switch (race_step(&mysql->race, &winner, &fd)) {
    case RACE_WAITS:
        preface->again_us = race_wait(&mysql->race, &preface->own);
        return PREFACE_WAITS;
    case RACE_WON:
        preface->backend = fd;
        break;
    case RACE_FAILED:
        break;
    }
    preface->own = (struct pollfd){.fd = -1};
    preface->again_us = DEADLINE_NEVER;
    end_dial(mysql, PHASE_GREETING);
    if (preface->backend >= 0)
        return PREFACE_DONE;
    return preface_fail(preface, ACTPASS_CANCELLED,
                        "cannot connect to the backend %s: %s; is it running, and reachable?",
                        backend_of(preface)->text, mysql->reason.text);
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
                               : wait_for_other(preface, POLLIN | POLLRDHUP);
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
        return wait_for_other(preface, POLLIN | POLLRDHUP);
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

/* ---- All ------------------------------------------------------------------------------------- */

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
    case PHASE_BEGIN:
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
    mysql->phase = PHASE_GREETING;
    if (!preface->dialed)
        begin_dial(preface);
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
        if (next != PREFACE_DONE)
            return next;
        if (is_last(preface, phase))
            return end(preface);
    }
}

static void release(void *state)
{
    if (state)
        end_dial(state, PHASE_BEGIN);
    free(state);
}

const struct preface_step preface_mysql = {
    .name = "starttls", .wanted = wanted, .run = run, .release = release};
