#include "server/daemon/fleet/plain.h"

#include "relay/clock.h"
#include "server/daemon/fleet/caller.h"
#include "server/daemon/handlers/bridge.h"
#include "server/daemon/handlers/handler.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PLACE = 0, CLOSE_MS = 2000 };
enum { GONE = EPOLLHUP | EPOLLERR };

enum phase {
    PHASE_NAME,
    PHASE_WAIT,
    PHASE_CLOSE /* answered, and until the client has closed: else a reset may destroy the answer */
};

/* Everything is the task's. The client's bytes stay in its socket until they are known to be the
 * gate's: what comes behind them is the device's to read. */
struct plain_gate {
    struct caller caller;
    enum phase phase;
    int fd; /* watched; the offer gets a duplicate, since an epoll set has each descriptor once */
    bool in_order; /* it is to be closed so */
};

/* What a phase wants next. */
enum progress { PROGRESS_WAITS, PROGRESS_MORE, PROGRESS_ENDS };

/* ---- Log ------------------------------------------------------------------------------------- */

static void report_end(const struct plain_gate *gate)
{
    const struct caller *caller = &gate->caller;
    const struct report *report = conversation_report(caller->conversation);
    struct log_line line = {.count = 0};
    log_line_add(&line, log_text("service", report->service));
    log_line_add(&line, log_number("conn", (int64_t)report->number));
    log_line_add(&line, log_text("event", "reach"));
    if (caller->talk.request.name[0] != '\0')
        log_line_add(&line, log_text("name", caller->talk.request.name));
    log_line_add(&line, log_text("result", caller_outcome_name(caller->outcome)));
    if (caller->outcome == GATE_REACHED)
        log_line_add(&line, log_number("joined", (int64_t)caller->pooled.joined_number));
    if (caller->began_us > 0)
        log_line_add(&line, log_number("wait_ms", (clock_now_us() - caller->began_us) / 1000));
    if (caller->talk.why)
        log_line_add(&line, log_text("error", caller->talk.why));
    log_write(report->log, CONFIG_LOG_INFO, line.fields, line.count);
}

/* ---- The end --------------------------------------------------------------------------------- */

/* Everything that is answered fits into an empty socket. */
static void send_answer(const struct plain_gate *gate)
{
    const struct gate_answer *answer = &gate->caller.talk.answer;
    if (answer->size > 0)
        (void)send(gate->fd, answer->bytes, answer->size, MSG_NOSIGNAL);
}

/* Without an answer, closing is a reset. */
static enum progress begin_close(struct plain_gate *gate)
{
    report_end(gate);
    caller_count(&gate->caller);
    if (gate->caller.talk.answer.size == 0)
        return PROGRESS_ENDS;
    send_answer(gate);
    (void)shutdown(gate->fd, SHUT_WR);
    gate->in_order = true;
    gate->phase = PHASE_CLOSE;
    gate->caller.deadline_us = clock_deadline_ms(CLOSE_MS);
    return PROGRESS_MORE;
}

static enum progress refuse(struct plain_gate *gate)
{
    caller_fill_answer(&gate->caller);
    return begin_close(gate);
}

static enum progress close_slowly(struct plain_gate *gate)
{
    char discarded[4096];
    ssize_t length;
    bool late;
    do {
        length = recv(gate->fd, discarded, sizeof(discarded), 0);
        late = clock_now_us() >= gate->caller.deadline_us ||
               conversation_is_stopping(gate->caller.conversation);
    } while (length > 0 && !late);
    bool waits = length < 0 && (errno == EAGAIN || errno == EINTR);
    return waits && !late ? PROGRESS_WAITS : PROGRESS_ENDS;
}

/* ---- The name -------------------------------------------------------------------------------- */

static enum progress call(struct plain_gate *gate)
{
    struct caller *caller = &gate->caller;
    if (!caller_may_reach(caller, NULL, NULL))
        return refuse(gate);
    int fd = fcntl(gate->fd, F_DUPFD_CLOEXEC, 0);
    if (fd >= 0 && caller_call(caller, fd, NULL, OFFER_ANSWERS)) {
        gate->phase = PHASE_WAIT;
        return PROGRESS_MORE;
    }
    if (fd >= 0)
        close(fd);
    if (caller->outcome == GATE_REACHED)
        caller->outcome = GATE_FAILED;
    return refuse(gate);
}

/* Removes what was used of the client's bytes. */
static void consume(const struct plain_gate *gate, size_t size)
{
    char used[GATE_INPUT_MAX];
    if (size > 0 && recv(gate->fd, used, size, 0) < 0)
        return; /* it has failed meanwhile, which the next look at it shows */
}

/* The client said nothing more in time, or has left. */
static enum progress fail_silent(struct plain_gate *gate)
{
    struct caller *caller = &gate->caller;
    caller->outcome = GATE_FAILED;
    caller->talk.why = "the client did not say which name it wants to reach";
    caller->talk.answer.size = 0;
    return begin_close(gate);
}

static enum progress talk(struct plain_gate *gate, uint32_t events)
{
    struct caller *caller = &gate->caller;
    unsigned char input[GATE_INPUT_MAX];
    ssize_t length = recv(gate->fd, input, sizeof(input), MSG_PEEK);
    bool failed = length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR);
    size_t size = length > 0 ? (size_t)length : 0;
    enum gate_next next = caller->protocol->read(&caller->talk, input, size);
    if (next != GATE_MORE)
        consume(gate, caller->talk.used);
    switch (next) {
    case GATE_NAMED:
        return call(gate);
    case GATE_WRONG:
        caller->outcome = GATE_FAILED;
        return begin_close(gate);
    case GATE_SEND:
        send_answer(gate);
        return PROGRESS_MORE;
    case GATE_MORE:
        break;
    }
    bool over = failed || (events & (GONE | EPOLLRDHUP)) != 0 ||
                clock_now_us() >= caller->deadline_us ||
                conversation_is_stopping(caller->conversation);
    return over ? fail_silent(gate) : PROGRESS_WAITS;
}

static enum progress find_name(struct plain_gate *gate, uint32_t events)
{
    if (gate->caller.protocol)
        return talk(gate, events);
    return caller_take_name(&gate->caller, "") ? call(gate) : refuse(gate);
}

/* ---- The join -------------------------------------------------------------------------------- */

/* A client that waits for an answer and has ended is gone; without a protocol it may have said
 * all. */
static bool has_left(const struct plain_gate *gate, uint32_t events)
{
    return (events & (gate->caller.protocol ? GONE | EPOLLRDHUP : GONE)) != 0;
}

static enum progress wait_for_join(struct plain_gate *gate, uint32_t events)
{
    struct caller *caller = &gate->caller;
    enum caller_next next =
        has_left(gate, events) ? caller_give_up(caller, GATE_FAILED) : caller_look(caller);
    if (next == CALLER_WAITS)
        return PROGRESS_WAITS;
    if (next == CALLER_JOINED) {
        report_end(gate);
        caller_count(caller);
        return PROGRESS_ENDS;
    }
    close(caller->pooled.request.fd); /* the duplicate */
    return refuse(gate);
}

/* ---- The task -------------------------------------------------------------------------------- */

static enum progress progress(struct plain_gate *gate, uint32_t events)
{
    switch (gate->phase) {
    case PHASE_NAME:
        return find_name(gate, events);
    case PHASE_WAIT:
        return wait_for_join(gate, events);
    case PHASE_CLOSE:
        break;
    }
    return close_slowly(gate);
}

/* After a join this closes only one of two descriptors of the client. */
static enum task_next end(struct plain_gate *gate, struct task *task)
{
    struct conversation *conversation = gate->caller.conversation;
    (void)task_watch(task, PLACE, -1, 0);
    bridge_close(gate->fd, gate->in_order);
    *conversation_dialing(conversation) = NULL;
    free(gate);
    conversation_free(conversation);
    return TASK_END;
}

static enum task_next run(struct task *task, void *arg)
{
    struct plain_gate *gate = arg;
    uint32_t events = task_take_events(task, PLACE);
    enum progress next;
    do
        next = progress(gate, events);
    while (next == PROGRESS_MORE);
    if (next == PROGRESS_ENDS)
        return end(gate, task);
    task_deadline(task, gate->caller.deadline_us);
    return TASK_WAIT;
}

static void note_addresses(struct caller *caller, int fd)
{
    struct caller_addresses addresses;
    socklen_t size = sizeof(addresses.source), own_size = sizeof(addresses.destination);
    memset(&addresses, 0, sizeof(addresses));
    if (getpeername(fd, (struct sockaddr *)(void *)&addresses.source, &size) == 0 &&
        getsockname(fd, (struct sockaddr *)(void *)&addresses.destination, &own_size) == 0)
        caller_note_addresses(caller, &addresses);
}

/* NULL: memory is short; then FD is closed. */
static struct plain_gate *make(struct server *server, struct service *service, int fd)
{
    struct plain_gate *gate = calloc(1, sizeof(*gate));
    struct conversation *conversation = conversation_new(server, service, fd);
    if (!gate || !conversation) {
        if (conversation)
            conversation_drop(conversation, ENOMEM);
        free(gate);
        return NULL;
    }
    caller_init(&gate->caller, conversation, &service->config->as_server.reach);
    note_addresses(&gate->caller, fd);
    gate->fd = fd; /* the conversation's until there is a task */
    return gate;
}

int plain_gate_begin(struct server *server, struct service *service, int fd)
{
    bridge_prepare(fd);
    struct plain_gate *gate = make(server, service, fd);
    if (!gate)
        return ENOMEM;
    struct conversation *conversation = gate->caller.conversation;
    struct task *task = task_new(server->crew, run, gate);
    int error = task ? task_watch(task, PLACE, fd, EPOLLIN | EPOLLRDHUP) : errno;
    if (error != 0) {
        if (task)
            task_discard(task);
        conversation_drop(conversation, error);
        free(gate);
        return error;
    }
    (void)conversation_take_plain(conversation);
    conversation_set_task(conversation, task);
    task_start(task, TASK_RUN_NOW);
    return 0;
}

/* It attends to no connection with TLS. A client has two descriptors here. */
const struct handler plain_gate_handler = {.name = "reach", .descriptors = 1};
