/* The relay's life: new, abort, close, free. */
#include "relay/clock.h"
#include "relay/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void destroy(struct relay *relay)
{
    if (relay->wake.fd >= 0)
        close(relay->wake.fd);
    if (relay->transport->destroy)
        relay->transport->destroy(relay);
    free(relay->input.first.data);
    free(relay->output.spill.data);
    free(relay->glare.own_hello.data);
    state_destroy_locks(relay);
    free(relay);
}

void life_unref(struct relay *relay)
{
    relay_lock(relay);
    unsigned left = --relay->references;
    relay_unlock(relay);
    if (left == 0)
        destroy(relay);
}

/* ---- New ---------------------------------------------------------------------------------- */

static void begin(struct relay *relay)
{
    relay_lock(relay);
    if (relay->options.fast_open_size > 0)
        state_set_connect(relay, CONNECT_ON_SEND);
    sniff_begin(relay);
    relay_unlock(relay);
}

struct relay *relay_new(int fd, const struct relay_options *options)
{
    int error = ENOMEM;
    struct relay *relay = calloc(1, sizeof(*relay));
    if (!relay)
        goto out_fd;
    relay->fd = fd;
    relay->options = *options;
    relay->transport = options->transport == RELAY_DIRECT ? &transport_direct : &transport_pair;
    relay->references = 1;
    relay->ssl.read_timeout_ms = -1;
    relay->input.credit = RELAY_INPUT_CREDIT;
    relay->accepted_us = clock_now_us();
    error = state_init_locks(relay);
    if (error)
        goto out_relay;
    relay->driver.served = options->served;
    relay->wake.fd = options->served == RELAY_BY_CALLER ? -1 : wake_make_fd();
    if (relay->wake.fd >= 0 || options->served == RELAY_BY_CALLER) {
        begin(relay);
        return relay;
    }
    error = errno;
    destroy(relay);
    goto out_fd;
out_relay:
    free(relay);
out_fd:
    close(fd);
    errno = error;
    return NULL;
}

/* ---- Called by the owner ------------------------------------------------------------------ */

struct verdict relay_verdict(struct relay *relay)
{
    relay_lock(relay);
    struct verdict verdict = relay->verdict;
    relay_unlock(relay);
    return verdict;
}

struct relay_status relay_status(struct relay *relay)
{
    relay_lock(relay);
    struct relay_status status = {.state = relay->state,
                                  .error = relay->error,
                                  .eof = relay->input.state == INPUT_ENDED,
                                  .cancelled = relay->cancelled,
                                  .timed_out = relay->output.state == OUTPUT_TIMED_OUT,
                                  .flushed = relay->output.state == OUTPUT_FINISHED,
                                  .syn_sent = relay->output.connect == CONNECTED_BY_SYN,
                                  .received = relay->input.received,
                                  .sent = relay->output.sent};
    relay_unlock(relay);
    return status;
}

size_t relay_first_bytes(struct relay *relay, uint8_t *buffer, size_t size)
{
    relay_lock(relay);
    const struct first_bytes *first = &relay->input.first;
    size_t count = first->length < size ? first->length : size;
    if (count > 0)
        memcpy(buffer, first->data, count);
    relay_unlock(relay);
    return count;
}

void relay_set_blocking(struct relay *relay, int64_t read_timeout_ms)
{
    relay_lock(relay);
    relay->ssl.blocking = true;
    relay->ssl.read_timeout_ms = read_timeout_ms;
    relay_unlock(relay);
}

void relay_set_nonblocking(struct relay *relay)
{
    relay_lock(relay);
    relay->ssl.blocking = false;
    relay_unlock(relay);
}

/* Can the next sleep do without an eventfd? Only if nothing but an abort has to wake it, and the
 * socket is polled, since an abort shuts that down. */
static bool may_skip_fd(struct relay *relay)
{
    return relay->waiters.calls > 0 && relay->driver.loop == LOOP_FREE && !relay->wake.writers &&
           !state_is_forced(relay) && !relay->cancelled && state_wanted_events(relay) != 0;
}

void relay_release(struct relay *relay)
{
    int fd = -1;
    relay_lock(relay);
    if (relay->input.receiving == RECEIVING_NOT && !relay->output.sending) {
        if (relay->transport->release)
            relay->transport->release(relay);
        if (may_skip_fd(relay)) {
            fd = relay->wake.fd;
            relay->wake.fd = -1;
            relay->wake.skip_fd = true;
        }
    }
    relay_unlock(relay);
    if (fd >= 0)
        close(fd);
}

static void cancel(struct relay *relay)
{
    relay->cancelled = true;
    wake_poller(relay);
    wake_waiters(relay);
}

void relay_cancel(struct relay *relay)
{
    relay_lock(relay);
    cancel(relay);
    wake_unlock(relay);
}

void relay_abort(struct relay *relay)
{
    relay_lock(relay);
    cancel(relay);
    if (relay->driver.served == RELAY_BY_CALLER && relay->driver.loop == LOOP_FREE)
        relay->wake.due = true; /* the caller may be in a wait of its own */
    wake_unlock(relay);
}

enum close_how { CLOSE_IN_ORDER, CLOSE_WITH_RESET };

static void close_socket(int fd, enum close_how how)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    if (how == CLOSE_WITH_RESET)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    close(fd); /* an error cannot be handled, and the descriptor is closed even after EINTR */
}

/* If output is lost, or after an abort, the peer must not mistake the end for an orderly one. */
static enum close_how close_how(struct relay *relay)
{
    bool lost = relay->cancelled || state_output_dead(relay) || state_has_output(relay);
    return lost ? CLOSE_WITH_RESET : CLOSE_IN_ORDER;
}

/* Does another thread still use a descriptor, or call the owner? The owner may close from within
 * on_verdict, which runs on the relay thread. */
static bool is_in_use(const struct relay *relay)
{
    const struct driver *driver = &relay->driver;
    bool announcing = driver->announcement == ANNOUNCE_RUNNING &&
                      !pthread_equal(driver->announcer, pthread_self());
    return driver->loop != LOOP_FREE || relay->output.sending ||
           relay->output.state == OUTPUT_FINISHING || relay->wake.writers || announcing;
}

void relay_close(struct relay *relay)
{
    relay_lock(relay);
    if (relay->state == RELAY_DONE) {
        relay_unlock(relay);
        return;
    }
    enum close_how how = close_how(relay);
    state_set(relay, RELAY_DONE);
    wake_poller(relay);
    wake_relay_thread(relay);
    relay->waiters.followers++;
    while (is_in_use(relay))
        (void)wake_sleep(relay, &relay->waiters.arrived, DEADLINE_NEVER);
    relay->waiters.followers--;
    int fd = relay->fd;
    relay->fd = -1;
    relay_unlock(relay);
    close_socket(fd, how);
}

void relay_free(struct relay *relay)
{
    if (!relay)
        return;
    relay_close(relay);
    life_unref(relay);
}
