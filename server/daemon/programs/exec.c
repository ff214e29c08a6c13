/* Exec: runs a program with the connection as its standard input and output. The end of what the
 * peer sends is the end of its input, while its output goes on; its exit closes the connection
 * after all of its output. */
#include "relay/clock.h"
#include "server/daemon/conversation.h"
#include "server/daemon/handlers/duplex.h"
#include "server/daemon/handlers/handler.h"
#include "server/daemon/handlers/plain_talk.h"
#include "server/daemon/programs/describe_connection.h"
#include "server/daemon/programs/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum form { FORM_NEW, FORM_ASKING, FORM_STARTING, FORM_TALK, FORM_DUPLEX };

enum { AGAIN_MIN_MS = 5, AGAIN_MAX_MS = 200 }; /* when to ask a spawner whose queue is full */

/* job->outer. */
struct exec {
    struct program *program; /* NULL: not asked for yet */
    int connection;          /* our end of the socketpair */
    int theirs;              /* the program's; -1: the spawner has it */
    unsigned again_ms;
    int64_t start_by_us;
};

/* ---- The end ------------------------------------------------------------------------------- */

static enum handler_next end(struct handler_job *job)
{
    struct exec *exec = job->outer;
    job->own.fd = -1;
    close(exec->connection);
    if (exec->theirs >= 0)
        close(exec->theirs);
    if (exec->program)
        program_leave(exec->program);
    free(exec);
    job->outer = NULL;
    return HANDLER_DONE;
}

/* The peer gets no close in order: nobody has done what it wants. */
static enum handler_next fail(struct handler_job *job, const char *why)
{
    (void)error_set(&job->problem, "exec: %s", why);
    actpass_fail(job->conn, ACTPASS_CANCELLED, job->problem.text);
    actpass_abort(job->conn);
    return job->outer ? end(job) : HANDLER_DONE;
}

/* ---- The start ------------------------------------------------------------------------------ */

static struct program *ask(struct handler_job *job, bool *full, struct error_text *error)
{
    const struct exec *exec = job->outer;
    struct conversation *conversation = job->conversation;
    const struct service *service = conversation_service(conversation);
    struct programs *programs = conversation_server(conversation)->programs;
    const struct config_tls tls = config_handler_tls(service->config, job->what);
    struct message message;
    *full = false;
    if (!programs) {
        (void)error_set(error, "there is no process that starts programs: restart actpass");
        return NULL;
    }
    describe_connection(conversation_report(conversation), &tls, &message);
    const struct program_wish wish = {.exec = &job->what->exec,
                                      .report = conversation_report(conversation),
                                      .stats = service->stats,
                                      .bell = conversation_bell(conversation)};
    return program_start(programs, &wish, &message, exec->theirs, full, error);
}

/* Only our end must not block. */
static bool make_ends(int ends[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    int flags = fcntl(ends[0], F_GETFL);
    if (flags >= 0 && fcntl(ends[0], F_SETFL, flags | O_NONBLOCK) == 0)
        return true;
    close(ends[0]);
    close(ends[1]);
    return false;
}

static enum handler_next begin(struct handler_job *job)
{
    int ends[2];
    char reason[128];
    struct exec *exec = calloc(1, sizeof(*exec));
    if (!exec || !make_ends(ends)) {
        free(exec);
        return fail(job, strerror_r(errno, reason, sizeof(reason)));
    }
    exec->connection = ends[0];
    exec->theirs = ends[1];
    exec->again_ms = AGAIN_MIN_MS;
    exec->start_by_us = clock_deadline_ms(job->start_timeout_ms);
    job->outer = exec;
    job->form = FORM_ASKING;
    job->backend = job->what->exec.command.items[0];
    return HANDLER_MORE;
}

static bool is_gone(const struct handler_job *job)
{
    return actpass_ended(job->conn) != ACTPASS_OPEN || actpass_is_broken(job->conn);
}

/* It has had the handshake_timeout. */
static enum handler_next give_up(struct handler_job *job)
{
    programs_note_hang(conversation_server(job->conversation)->programs);
    return fail(job, "the process that starts programs has not started it within the "
                     "handshake_timeout");
}

/* A spawner that has much to do holds no thread of ours: it is asked again and again, less and less
 * often. */
static enum handler_next ask_again(struct handler_job *job)
{
    struct exec *exec = job->outer;
    int64_t again_us = clock_deadline_ms(exec->again_ms);
    if (clock_now_us() >= exec->start_by_us)
        return give_up(job);
    exec->again_ms = exec->again_ms < AGAIN_MAX_MS / 2 ? 2 * exec->again_ms : AGAIN_MAX_MS;
    job->deadline_us = again_us < exec->start_by_us ? again_us : exec->start_by_us;
    return HANDLER_WAIT;
}

static enum handler_next ask_for_it(struct handler_job *job)
{
    struct exec *exec = job->outer;
    struct error_text error = {.text = ""};
    bool full;
    if (is_gone(job))
        return end(job);
    exec->program = ask(job, &full, &error);
    if (!exec->program)
        return full ? ask_again(job) : fail(job, error.text);
    close(exec->theirs);
    exec->theirs = -1;
    job->form = FORM_STARTING;
    return HANDLER_MORE;
}

static enum handler_next await_start(struct handler_job *job)
{
    struct exec *exec = job->outer;
    struct error_text error = {.text = ""};
    enum program_state state = program_look(exec->program, &error);
    if (state == PROGRAM_FAILED)
        return fail(job, error.text);
    if (is_gone(job))
        return end(job);
    if (state == PROGRAM_STARTING && clock_now_us() >= exec->start_by_us)
        return give_up(job);
    if (state == PROGRAM_STARTING) {
        job->deadline_us = exec->start_by_us;
        return HANDLER_WAIT;
    }
    job->form = job->plain_talk ? FORM_TALK : FORM_DUPLEX;
    const struct duplex_early early = {.program = program_exit(exec->program)};
    if (job->plain_talk
            ? plain_talk_begin(job, exec->connection, "the program ", job->backend, "", 0)
            : duplex_begin_with(job, exec->connection, "the program ", job->backend, &early))
        return HANDLER_MORE;
    return end(job);
}

/* The greeting of a program whose peer has had one before STARTTLS. */
static enum handler_next talk(struct handler_job *job)
{
    const struct exec *exec = job->outer;
    const struct duplex_early early = {.program = program_exit(exec->program)};
    enum plain_talk result = plain_talk_step(job);
    if (result == PLAIN_TALK_WAITS)
        return HANDLER_WAIT;
    if (result == PLAIN_TALK_FAILED ||
        !plain_talk_join(job, exec->connection, "the program ", job->backend, &early))
        return end(job);
    job->form = FORM_DUPLEX;
    return HANDLER_MORE;
}

static enum handler_next step(struct handler_job *job)
{
    bool in_order;
    if (job->form == FORM_NEW)
        return begin(job);
    if (job->form == FORM_ASKING)
        return ask_for_it(job);
    if (job->form == FORM_STARTING)
        return await_start(job);
    if (job->form == FORM_TALK)
        return talk(job);
    enum handler_next next = duplex_step(job, &in_order);
    return next == HANDLER_DONE ? end(job) : next;
}

/* One more until the spawner has the program's end. */
const struct handler exec_handler = {.name = "exec", .descriptors = 2, .step = step};
