/* The BIO under SSL: a source and sink over the conversation's side of the transport. SSL does not
 * get the internal half of the pair itself, since no callback on that reports what SSL reads and
 * writes (hazard 3). */
#include "relay/clock.h"
#include "relay/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The first bytes come before all others. */
static ssize_t take_next(struct relay *relay, void *buffer, size_t size)
{
    struct first_bytes *first = &relay->input.first;
    if (first->taken == first->length)
        return relay->transport->read(relay, buffer, size);
    size_t count = first->length - first->taken;
    if (count > size)
        count = size;
    memcpy(buffer, first->data + first->taken, count);
    first->taken += count;
    if (first->taken == first->length) {
        free(first->data);
        *first = (struct first_bytes){0};
    }
    return (ssize_t)count;
}

static ssize_t take(struct relay *relay, void *buffer, size_t size)
{
    ssize_t got = take_next(relay, buffer, size);
    size_t taken = got > 0 ? (size_t)got : 0;
    relay->input.credit -= taken < relay->input.credit ? taken : relay->input.credit;
    return got;
}

void relay_allow_input(struct relay *relay)
{
    relay_lock(relay);
    relay->input.credit = RELAY_INPUT_CREDIT;
    relay_unlock(relay);
}

/* -1 with errno and nothing in the error queue: a dead transport (hazard 5). */
static int fail(int error)
{
    errno = error;
    return -1;
}

static int wait_error(enum relay_wait wait)
{
    return fail(wait == WAIT_CANCELLED ? ECANCELED : ETIMEDOUT);
}

/* While glare is possible, the first bytes are not for SSL yet; after the role was revised, they
 * are not for this SSL object. */
static bool withheld(const struct relay *relay, const BIO *bio)
{
    return state_takes_input(relay) || relay->ssl.revised || relay->ssl.bio != bio;
}

static int read_locked(struct relay *relay, BIO *bio, void *buffer, size_t size)
{
    if (withheld(relay, bio)) {
        BIO_set_retry_read(bio);
        return -1;
    }
    for (;;) {
        bool may_take = relay->input.credit > 0;
        ssize_t got = may_take ? take(relay, buffer, size) : 0;
        relay->ssl.starved = got <= 0;
        if (got > 0)
            return (int)got;
        if (relay->cancelled)
            return fail(ECANCELED);
        if (may_take && state_input_over(relay))
            return relay->input.state == INPUT_ENDED ? 0 : fail(relay->error);
        if (!relay->ssl.blocking) {
            BIO_set_retry_read(bio);
            return -1;
        }
        int64_t deadline_us = clock_deadline_ms(relay->ssl.read_timeout_ms);
        enum relay_wait wait = wait_for(relay, RELAY_READABLE, NULL, 0, deadline_us);
        if (wait != WAIT_READY)
            return wait_error(wait);
    }
}

static int bio_read(BIO *bio, char *buffer, int size)
{
    struct relay *relay = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!buffer || size <= 0)
        return 0;
    relay_lock(relay);
    int got = read_locked(relay, bio, buffer, (size_t)size);
    wake_if_events_changed(relay); /* there is room again */
    int error = errno;
    wake_unlock(relay);
    errno = error;
    return got;
}

static int write_locked(struct relay *relay, BIO *bio, const void *data, size_t size)
{
    if (relay->ssl.revised ||
        relay->ssl.bio != bio) { /* the role was revised: this SSL object is about to go */
        BIO_set_retry_write(bio);
        return -1;
    }
    /* FIN comes next. What is dropped here is the answer to a KeyUpdate that came after our
     * close_notify: nobody needs it. */
    if (relay->state == RELAY_DRAIN)
        return (int)size;
    while (!relay->cancelled && !state_output_dead(relay)) {
        relay->ssl.choked = spill_size(&relay->output.spill) >= RELAY_SPILL_MAX;
        if (!relay->ssl.choked) {
            int error = relay->transport->write(relay, data, size);
            glare_note_output(relay, data, size);
            return error ? fail(error) : (int)size;
        }
        if (!relay->ssl.blocking) {
            BIO_set_retry_write(bio);
            return -1;
        }
        enum relay_wait wait = wait_for(relay, RELAY_WRITABLE, NULL, 0, DEADLINE_NEVER);
        if (wait != WAIT_READY)
            return wait_error(wait);
    }
    return fail(relay->cancelled ? ECANCELED : relay->error);
}

static int bio_write(BIO *bio, const char *data, int size)
{
    struct relay *relay = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!data || size <= 0)
        return 0;
    relay_lock(relay);
    int put = write_locked(relay, bio, data, (size_t)size);
    int error = errno;
    if (put > 0 && relay->ssl.blocking)
        wait_flush(relay);
    wake_unlock(relay);
    errno = error;
    return put;
}

static size_t pending(struct relay *relay)
{
    relay_lock(relay);
    size_t count =
        state_takes_input(relay) ? 0 : relay->input.first.length - relay->input.first.taken;
    if (count == 0 && relay->options.transport == RELAY_PAIR)
        count = relay->transport->readable(relay);
    relay_unlock(relay);
    return count;
}

static bool at_end(struct relay *relay)
{
    relay_lock(relay);
    bool end = relay->input.state == INPUT_ENDED &&
               relay->input.first.taken == relay->input.first.length &&
               relay->transport->readable(relay) == 0;
    relay_unlock(relay);
    return end;
}

/* FLUSH must answer 1, or SSL_connect fails with SYSCALL and errno 0 (hazard 4). */
static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    struct relay *relay = BIO_get_data(bio);
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return at_end(relay);
    case BIO_CTRL_PENDING:
        return (long)pending(relay);
    default:
        return 0;
    }
}

/* One method for the process, made once and never freed: OpenSSL has no place to keep it. */
static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static void method_make(void)
{
    BIO_METHOD *made = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "actpass relay");
    if (made && BIO_meth_set_read(made, bio_read) && BIO_meth_set_write(made, bio_write) &&
        BIO_meth_set_ctrl(made, bio_ctrl))
        method = made;
    else
        BIO_meth_free(made);
}

BIO *relay_bio(struct relay *relay)
{
    if (pthread_once(&method_once, method_make) || !method)
        return NULL;
    BIO *bio = BIO_new(method);
    if (!bio)
        return NULL;
    BIO_set_data(bio, relay);
    BIO_set_init(bio, 1);
    relay_lock(relay);
    relay->ssl.bio = bio;
    relay->ssl.revised = false;
    relay_unlock(relay);
    return bio;
}
