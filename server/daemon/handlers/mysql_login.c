#include "server/daemon/handlers/mysql_login.h"

#include "relay/clock.h"
#include "server/daemon/handlers/backend.h"
#include "server/daemon/starttls/mysql.h"
#include "server/lib/base/would_block.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* One direction. */
struct half {
    struct mysql_flow flow;
    bool from_plain;
    size_t size, sent; /* of BYTES */
    unsigned char bytes[2048];
};

/* job->state. */
struct login {
    struct half up, down; /* to the server, and from it */
    int plain;
    short seen; /* events of PLAIN */
    const char *name, *address;
    int64_t deadline_us;
};

enum pump { PUMP_WAITS, PUMP_MOVED, PUMP_FAILED };

bool mysql_login_begin(struct handler_job *job, int plain, const char *name, const char *address)
{
    struct login *login = calloc(1, sizeof(*login));
    bool client_is_plain = job->plain >= 0;
    if (!login) {
        actpass_fail(job->conn, ACTPASS_CANCELLED, "out of memory for the login");
        return false;
    }
    login->up.flow = (struct mysql_flow){.from_client = true, .to_tls = client_is_plain};
    login->up.from_plain = client_is_plain;
    login->down.flow = (struct mysql_flow){.from_client = false, .to_tls = !client_is_plain};
    login->down.from_plain = !client_is_plain;
    login->plain = plain;
    login->name = name;
    login->address = address;
    login->deadline_us = clock_deadline_ms(job->start_timeout_ms);
    job->state = login;
    return true;
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

static enum pump fail(struct handler_job *job, actpass_end end, const char *whose, const char *why)
{
    struct error_text text;
    (void)error_set(&text, "starttls (mysql): %s%s", whose, why);
    actpass_fail(job->conn, end, text.text);
    return PUMP_FAILED;
}

static enum pump fail_plain(struct handler_job *job, const char *why)
{
    const struct login *login = job->state;
    struct error_text whose;
    (void)error_set(&whose, "%s%s: ", login->name, login->address);
    return fail(job, ACTPASS_CANCELLED, whose.text, why);
}

/* A size, or ACTPASS_AGAIN; 0: the end; -1: failed, with a close reason. */
static int64_t read_some(struct handler_job *job, const struct half *half, void *bytes, size_t size)
{
    const struct login *login = job->state;
    if (!half->from_plain)
        return actpass_read(job->conn, bytes, size);
    ssize_t length = recv(login->plain, bytes, size, MSG_DONTWAIT);
    if (length >= 0)
        return length;
    if (would_block())
        return ACTPASS_AGAIN;
    (void)fail_plain(job, strerror(errno));
    return -1;
}

static int64_t write_some(struct handler_job *job, const struct half *half, const void *bytes,
                          size_t size)
{
    const struct login *login = job->state;
    if (half->from_plain)
        return actpass_write_some(job->conn, bytes, size);
    ssize_t length = send(login->plain, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (length >= 0)
        return length;
    if (would_block())
        return ACTPASS_AGAIN;
    (void)fail_plain(job, strerror(errno));
    return -1;
}

static enum pump flush(struct handler_job *job, struct half *half)
{
    while (half->sent < half->size) {
        int64_t sent = write_some(job, half, half->bytes + half->sent, half->size - half->sent);
        if (sent == ACTPASS_AGAIN)
            return PUMP_WAITS;
        if (sent < 0)
            return PUMP_FAILED;
        half->sent += (size_t)sent;
    }
    return PUMP_MOVED;
}

static enum pump fill(struct handler_job *job, struct half *half)
{
    struct error_text why;
    int64_t size = read_some(job, half, half->bytes, sizeof(half->bytes));
    if (size == ACTPASS_AGAIN)
        return PUMP_WAITS;
    if (size < 0)
        return PUMP_FAILED;
    if (size == 0)
        return half->from_plain
                   ? fail_plain(job, "it has closed during the login")
                   : fail(job, ACTPASS_TRUNCATED, "", "the peer has closed during the login");
    half->size = (size_t)size;
    half->sent = 0;
    if (!mysql_pass(&half->flow, half->bytes, half->size, &why))
        return fail(job, ACTPASS_PROTOCOL, "", why.text);
    return PUMP_MOVED;
}

/* Moves what can be moved. Nothing is read once the login has ended: it is not of the login. */
static enum pump pump(struct handler_job *job, struct half *half)
{
    const struct login *login = job->state;
    for (;;) {
        enum pump result = flush(job, half);
        if (result != PUMP_MOVED || login->down.flow.done)
            return result;
        result = fill(job, half);
        if (result != PUMP_MOVED)
            return result;
    }
}

/* ---- All ------------------------------------------------------------------------------------- */

static bool is_over(const struct login *login)
{
    return login->down.flow.done && login->down.sent == login->down.size &&
           login->up.sent == login->up.size;
}

static enum handler_next wait_or_fail(struct handler_job *job)
{
    const struct login *login = job->state;
    if (backend_is_unwanted(job->conn))
        return HANDLER_DONE;
    if (clock_now_us() >= login->deadline_us) {
        (void)fail(job, ACTPASS_TIMEOUT, "",
                   "the login was not complete within the "
                   "handshake_timeout");
        return HANDLER_DONE;
    }
    job->deadline_us = login->deadline_us;
    job->own = (struct pollfd){.fd = login->plain, .events = POLLIN | POLLOUT | POLLRDHUP};
    return HANDLER_WAIT;
}

static enum handler_next end(struct handler_job *job, enum handler_next next)
{
    struct login *login = job->state;
    job->own = (struct pollfd){.fd = -1, .revents = login->seen};
    free(login);
    job->state = NULL;
    job->deadline_us = DEADLINE_NEVER;
    return next;
}

enum handler_next mysql_login_step(struct handler_job *job)
{
    struct login *login = job->state;
    login->seen = (short)(login->seen | job->own.revents);
    enum pump up = pump(job, &login->up);
    enum pump down = up == PUMP_FAILED ? PUMP_FAILED : pump(job, &login->down);
    if (down == PUMP_FAILED)
        return end(job, HANDLER_DONE);
    if (is_over(login))
        return end(job, HANDLER_MORE);
    enum handler_next next = wait_or_fail(job);
    return next == HANDLER_WAIT ? next : end(job, next);
}
