/* A relay that no thread of ours serves: the caller waits with poll, epoll or the like, and each of
 * its calls does what can be done without waiting. */
#include "relay/clock.h"
#include "relay/internal.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Receives and sends what can be. Returns true if the socket may have more input that there is room
 * for. (drops) */
static bool turn(struct relay *relay)
{
    if (relay->cancelled) { /* an abort shuts the socket down: that is not the peer's end */
        sniff_check_time(relay);
        return false;
    }
    state_set_loop(relay, LOOP_BUSY);
    if (relay->input.told == TOLD_NEVER && relay->output.state == OUTPUT_BLOCKED)
        state_set_output(relay, OUTPUT_OPEN); /* the caller does not say: try */
    bool more = loop_look(relay);
    state_set_loop(relay, LOOP_FREE);
    return more;
}

enum relay_wait relay_look(struct relay *relay, unsigned want, int64_t deadline_us)
{
    enum relay_wait result = WAIT_AGAIN;
    relay_lock(relay);
    bool late = wait_is_late(deadline_us);
    bool may_read = wait_renew_credit(relay, want, late);
    if (!relay->cancelled)
        loop_flush(relay);
    /* What is ready needs no look at the socket, which may only have worse news. */
    bool ready = !relay->cancelled && wake_is_ready(relay, want);
    if (!ready) {
        (void)turn(relay);
        ready = wake_is_ready(relay, want);
    }
    if (relay->cancelled)
        result = WAIT_CANCELLED;
    else if (may_read && ready)
        result = WAIT_READY;
    else if (late)
        result = WAIT_TIMEOUT;
    wake_unlock(relay);
    return result;
}

struct relay_need relay_prepare(struct relay *relay, unsigned want)
{
    relay_lock(relay);
    struct input *input = &relay->input;
    bool more = turn(relay);
    short events = state_wanted_events(relay);
    relay->driver.polled = events;
    bool polls = events || state_polls_for_error(relay, want);
    struct relay_need need = {.fd = polls ? relay->fd : -1,
                              .events = events,
                              .deadline_us = loop_deadline(relay, DEADLINE_NEVER),
                              .cancelled = relay->cancelled};
    /* Code that calls SSL_read and SSL_write itself does not say what it waits for, and has no
     * deadline that messages without data could postpone. */
    if ((want & RELAY_LACKED) && relay->ssl.starved)
        input->credit = RELAY_INPUT_CREDIT;
    if (want & RELAY_LACKED)
        want |=
            (relay->ssl.starved ? RELAY_READABLE : 0U) | (relay->ssl.choked ? RELAY_WRITABLE : 0U);
    if (more || relay->cancelled || wake_is_ready(relay, want))
        need.deadline_us = 0;
    if (input->told == TOLD_NEVER && input->socket == SOCKET_DRY)
        input->socket = SOCKET_ASK;
    if (relay->transport->lend)
        relay->transport->lend(relay);
    wake_unlock(relay);
    return need;
}

void relay_note_events(struct relay *relay, short revents)
{
    relay_lock(relay);
    struct input *input = &relay->input;
    if (input->told == TOLD_NEVER)
        input->socket = SOCKET_DRY; /* the first wait reports all that there is */
    input->told = TOLD_ALWAYS;
    /* A FIN or a reset that comes with data has no event of its own afterwards. */
    if (revents & (POLLRDHUP | POLLHUP | POLLERR))
        input->socket = SOCKET_ASK;
    else if ((revents & POLLIN) && input->socket == SOCKET_DRY)
        input->socket = SOCKET_DATA;
    if ((revents & (POLLOUT | POLLHUP | POLLERR)) && relay->output.state == OUTPUT_BLOCKED)
        state_set_output(relay, OUTPUT_OPEN);
    relay_unlock(relay);
}

/* Does a thread of ours still serve the relay, or use the eventfd? */
static bool is_served(const struct relay *relay)
{
    return relay->driver.thread == THREAD_ATTACHED || relay->driver.thread == THREAD_DUE ||
           relay->driver.loop != LOOP_FREE || relay->wake.writers;
}

void relay_serve_by_caller(struct relay *relay)
{
    relay_lock(relay);
    relay->driver.served = RELAY_BY_CALLER;
    wake_poller(relay);
    wake_relay_thread(relay);
    relay->waiters.followers++;
    while (is_served(relay))
        (void)wake_sleep(relay, &relay->waiters.arrived, DEADLINE_NEVER);
    relay->waiters.followers--;
    int fd = relay->wake.fd;
    relay->wake.fd = -1;
    relay->wake.skip_fd = false;
    relay->input.socket = SOCKET_ASK; /* what came meanwhile had its event already */
    if (relay->output.state == OUTPUT_BLOCKED)
        state_set_output(relay, OUTPUT_OPEN);
    relay_unlock(relay);
    if (fd >= 0)
        close(fd);
}
