#include "server/daemon/preface/preface.h"

#include "relay/clock.h"
#include "server/daemon/handlers/hangup.h"
#include "server/lib/base/would_block.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long a peer that has failed may take to read the answer and close. */
enum { LINGER_MS = 2000 };

/* ---- For steps ------------------------------------------------------------------------------- */

enum preface_next preface_fail(struct preface *preface, actpass_end end, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(preface->why.text, sizeof(preface->why.text), format, arguments);
    va_end(arguments);
    preface->end = end;
    return PREFACE_FAILED;
}

static const char *name_of(const struct preface *preface)
{
    return preface->step ? preface->step->name : "the preface";
}

static void fail_by_errno(struct preface *preface)
{
    (void)preface_fail(preface, errno == ECONNRESET ? ACTPASS_RESET : ACTPASS_TRUNCATED,
                       "%s: the connection has failed: %s", name_of(preface), strerror(errno));
}

ssize_t preface_peek(struct preface *preface, void *bytes, size_t size)
{
    ssize_t length = recv(preface->fd, bytes, size, MSG_PEEK | MSG_DONTWAIT);
    if (length > 0) {
        preface->heard = true;
        return length;
    }
    if (length < 0 && would_block())
        return 0;
    if (length < 0)
        fail_by_errno(preface);
    else
        (void)preface_fail(preface, ACTPASS_TRUNCATED, "%s: the peer has closed before the end",
                           name_of(preface));
    return -1;
}

/* They are there, so the kernel gives them at once; MSG_TRUNC would do it without a buffer, but not
 * for every kind of socket. */
bool preface_take(struct preface *preface, size_t size)
{
    char bytes[512];
    while (size > 0) {
        size_t some = size < sizeof(bytes) ? size : sizeof(bytes);
        ssize_t length = recv(preface->fd, bytes, some, MSG_DONTWAIT);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0) {
            fail_by_errno(preface);
            return false;
        }
        if (length == 0) {
            (void)preface_fail(preface, ACTPASS_TRUNCATED, "%s: the peer has closed",
                               name_of(preface));
            return false;
        }
        size -= (size_t)length;
    }
    return true;
}

bool preface_has_more(const struct preface *preface)
{
    char byte;
    return recv(preface->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

bool preface_has_ended(const struct preface *preface, size_t size)
{
    _Static_assert((int)PREFACE_PEEK_MAX <= (int)HANGUP_PEEK_MAX, "all of it is seen again");
    return size > 0 && hangup_is_behind(preface->fd, size); /* without any, preface_peek shows it */
}

ssize_t preface_send(struct preface *preface, const void *bytes, size_t size)
{
    ssize_t length = send(preface->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (length >= 0)
        return length;
    if (would_block())
        return 0;
    fail_by_errno(preface);
    return -1;
}

/* ---- The steps ------------------------------------------------------------------------------- */

static const struct preface_step *first_wanted(const struct preface *preface,
                                               const struct preface_step *const *at)
{
    while (*at && !(*at)->wanted(preface))
        at++;
    return *at;
}

static void set_from(struct preface *preface, const struct sockaddr_storage *from)
{
    preface->dialed = !from;
    if (from)
        preface->addresses.from = *from;
}

const char *preface_step_name(const struct preface *preface)
{
    return preface->step ? preface->step->name : NULL;
}

bool preface_is_wanted(const struct config_service *config, const struct sockaddr_storage *from)
{
    struct preface preface = {.config = config, .fd = -1, .plain = -1, .backend = -1};
    set_from(&preface, from);
    return first_wanted(&preface, preface_steps);
}

struct preface *preface_new(const struct config_service *config, int fd, int plain,
                            const struct sockaddr_storage *from)
{
    struct preface *preface = calloc(1, sizeof(*preface));
    if (!preface) {
        close(fd);
        return NULL;
    }
    *preface = (struct preface){.config = config,
                                .fd = fd,
                                .plain = plain,
                                .own = {.fd = -1},
                                .backend = -1,
                                .again_us = DEADLINE_NEVER};
    set_from(preface, from);
    return preface;
}

static void release_state(struct preface *preface)
{
    if (preface->step && preface->step->release)
        preface->step->release(preface->state);
    preface->state = NULL;
}

/* False: there is none any more. */
static bool begin_next(struct preface *preface)
{
    const struct preface_step *const *at = preface_steps;
    while (preface->step && *at != preface->step)
        at++;
    release_state(preface);
    preface->step = first_wanted(preface, preface->step ? at + 1 : at);
    if (!preface->step)
        return false;
    int64_t timeout_ms = preface->step->timeout_ms
                             ? preface->step->timeout_ms(preface)
                             : preface->config->connection.handshake_timeout_ms;
    preface->deadline_us = clock_deadline_ms(timeout_ms);
    return true;
}

/* ---- The failure ----------------------------------------------------------------------------- */

/* Until the peer has closed: closing before that may be a reset, which destroys what it was sent.
 */
static enum preface_next linger(struct preface *preface)
{
    enum { ROUNDS = 16 }; /* a peer that sends on does not hold the thread */
    char discarded[4096];
    ssize_t length = 1;
    for (int i = 0; i < ROUNDS && length > 0; i++)
        length = recv(preface->fd, discarded, sizeof(discarded), MSG_DONTWAIT);
    bool waits = (length < 0 && would_block()) || length > 0;
    return preface->in_order && waits && clock_now_us() < preface->deadline_us ? PREFACE_WAITS
                                                                               : PREFACE_FAILED;
}

static enum preface_next end_failed(struct preface *preface)
{
    release_state(preface);
    preface->own = (struct pollfd){.fd = -1};
    preface->again_us = DEADLINE_NEVER;
    if (!preface->in_order)
        return PREFACE_FAILED;
    (void)shutdown(preface->fd, SHUT_WR);
    preface->lingers = true;
    preface->events = POLLIN;
    preface->deadline_us = clock_deadline_ms(LINGER_MS);
    return linger(preface);
}

void preface_cancel(struct preface *preface, const char *why)
{
    release_state(preface);
    preface->step = NULL;
    preface->own = (struct pollfd){.fd = -1};
    preface->again_us = DEADLINE_NEVER;
    preface->in_order = false;
    if (!preface->lingers)
        (void)preface_fail(preface, ACTPASS_CANCELLED, "%s", why);
    preface->lingers = true;
}

/* ---- All ------------------------------------------------------------------------------------- */

static bool is_late(const struct preface *preface)
{
    return clock_now_us() >= preface->deadline_us;
}

/* A step that waits, after its deadline. */
static enum preface_next fail_late(struct preface *preface)
{
    return preface_fail(preface, ACTPASS_TIMEOUT, "%s: %s", name_of(preface),
                        preface->heard ? "it was not complete in time"
                                       : "the peer has sent nothing in time");
}

static bool has_left_unheard(const struct preface *preface)
{
    bool left = preface->end == ACTPASS_TRUNCATED || preface->end == ACTPASS_RESET;
    return left && !preface->dialed && !preface->heard && !preface->in_order;
}

enum preface_next preface_run(struct preface *preface)
{
    if (preface->lingers)
        return linger(preface);
    if (!preface->step && !begin_next(preface))
        return PREFACE_DONE;
    preface->events = POLLIN;
    enum preface_next next = preface->step->run(preface);
    if (next == PREFACE_WAITS && is_late(preface))
        next = fail_late(preface);
    if (next == PREFACE_FAILED && has_left_unheard(preface))
        return PREFACE_DONE;
    if (next == PREFACE_FAILED)
        return end_failed(preface);
    return next == PREFACE_DONE && begin_next(preface) ? PREFACE_STEP : next;
}

int preface_take_fd(struct preface *preface)
{
    int fd = preface->fd;
    preface->fd = -1;
    return fd;
}

int preface_take_backend(struct preface *preface)
{
    int backend = preface->backend;
    preface->backend = -1;
    return backend;
}

void preface_free(struct preface *preface)
{
    if (!preface)
        return;
    release_state(preface);
    if (preface->fd >= 0)
        close(preface->fd);
    if (preface->backend >= 0)
        close(preface->backend);
    free(preface);
}
