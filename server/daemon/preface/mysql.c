/* The step "starttls" of MySQL, which takes two sockets: the server's greeting is for the client,
 * and the client's request for the server (starttls/mysql.h). Of a service that listens, the server
 * is the backend, which is connected here; of one that dials, the client is the local one. */
#include "server/daemon/preface/preface.h"

#include "server/daemon/preface/mysql_backend.h"
#include "server/daemon/preface/mysql_sockets.h"
#include "server/daemon/starttls/mysql.h"

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
    return preface->dialed ? "the server: " : mysql_other_name(preface);
}

/* A server that has said its greeting waits. */
static enum preface_next keep_greeting(struct preface *preface, const unsigned char *bytes,
                                       size_t size, size_t used, size_t offer)
{
    struct mysql *mysql = preface->state;
    if (size > used)
        return mysql_fail(preface, server_name(preface),
                          "it has sent more behind its greeting; was something inserted?");
    if (preface->dialed && !mysql_has_tls(bytes[offer]))
        return mysql_fail(preface, server_name(preface), "it offers no TLS (have_ssl, --ssl-cert)");
    if (!take_greeting(preface, used))
        return mysql_fail(preface, server_name(preface), "its greeting could not be read");
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
                                   : mysql_peek_other(preface, bytes, sizeof(bytes));
    if (size <= 0)
        return size < 0 ? PREFACE_FAILED : PREFACE_WAITS;
    switch (mysql_read_greeting(bytes, (size_t)size, &used, &offer, &why)) {
    case MYSQL_MORE:
        return preface->dialed ? mysql_wait_for_more_of_peer(preface, (size_t)size)
                               : mysql_wait_for_more_of_other(preface, (size_t)size);
    case MYSQL_WRONG:
        return mysql_fail(preface, server_name(preface), why.text);
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
            to_peer ? preface_send(preface, rest, left) : mysql_send_other(preface, rest, left);
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
    return mysql_fail(preface, "", why->text);
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
        return mysql_wait_for_more_of_peer(preface, (size_t)size);
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
    ssize_t size = mysql_peek_other(preface, login, sizeof(login));
    if (size <= 0)
        return size < 0 ? PREFACE_FAILED : PREFACE_WAITS;
    switch (mysql_make_request(login, (size_t)size, mysql->out, &why)) {
    case MYSQL_MORE:
        return mysql_wait_for_more_of_other(preface, (size_t)size);
    case MYSQL_WRONG:
        return mysql_fail(preface, "", why.text);
    case MYSQL_READY:
        break;
    }
    if (preface_has_more(preface))
        return mysql_fail(preface, server_name(preface),
                          "it has sent more behind its greeting; was something inserted?");
    mysql->size = MYSQL_REQUEST_SIZE;
    mysql->sent = 0;
    mysql->phase = PHASE_ASK;
    return PREFACE_DONE;
}

/* ---- All ------------------------------------------------------------------------------------- */

/* After PREFACE_WAITS: what the phase itself reads, it looks at. */
static enum preface_next look_for_leaving(struct preface *preface)
{
    const struct mysql *mysql = preface->state;
    bool reads_client = mysql->phase == PHASE_REQUEST;
    if (mysql->phase != PHASE_DIAL && preface->own.fd < 0)
        (void)mysql_wait_for_other(preface, POLLRDHUP);
    return preface->dialed == reads_client ? mysql_look_at_peer(preface)
                                           : mysql_look_at_other(preface);
}

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
