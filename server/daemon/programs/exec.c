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

enum form { FORM_NEW, FORM_STARTING, FORM_TALK, FORM_DUPLEX };

/* job->outer. */
struct exec {
    struct program *program;
    int connection; /* our end of the socketpair */
    int64_t start_by_us;
};

/* ---- The end ------------------------------------------------------------------------------- */

static enum handler_next end(struct handler_job *job)
{
    struct exec *exec = job->outer;
    job->own.fd = -1;
    close(exec->connection);
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

static struct program *ask(struct handler_job *job, int connection, struct error_text *error)
{
    struct conversation *conversation = job->conversation;
    const struct service *service = conversation_service(conversation);
    struct programs *programs = conversation_server(conversation)->programs;
    const struct config_tls tls = config_handler_tls(service->config, job->what);
    struct message message;
    if (!programs) {
        (void)error_set(error, "there is no process that starts programs: restart actpass");
        return NULL;
    }
    describe_connection(conversation_report(conversation), &tls, &message);
    const struct program_wish wish = {.exec = &job->what->exec,
                                      .report = conversation_report(conversation),
                                      .stats = service->stats,
                                      .bell = conversation_bell(conversation)};
    return program_start(programs, &wish, &message, connection, error);
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
    struct error_text error = {.text = ""};
    struct exec *exec = malloc(sizeof(*exec));
    if (!exec || !make_ends(ends)) {
        free(exec);
        return fail(job, strerror_r(errno, reason, sizeof(reason)));
    }
    exec->connection = ends[0];
    exec->start_by_us = clock_deadline_ms(job->start_timeout_ms);
    exec->program = ask(job, ends[1], &error);
    close(ends[1]);
    if (!exec->program) {
        close(ends[0]);
        free(exec);
        return fail(job, error.text);
    }
    job->outer = exec;
    job->form = FORM_STARTING;
    job->backend = job->what->exec.command.items[0];
    return HANDLER_MORE;
}

static enum handler_next await_start(struct handler_job *job)
{
    struct exec *exec = job->outer;
    struct error_text error = {.text = ""};
    enum program_state state = program_look(exec->program, &error);
    if (state == PROGRAM_FAILED)
        return fail(job, error.text);
    if (actpass_ended(job->conn) != ACTPASS_OPEN || actpass_is_broken(job->conn))
        return end(job);
    if (state == PROGRAM_STARTING && clock_now_us() >= exec->start_by_us)
        return fail(job, "the process that starts programs has not started it within the "
                         "handshake_timeout");
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
    if (job->form == FORM_STARTING)
        return await_start(job);
    if (job->form == FORM_TALK)
        return talk(job);
    enum handler_next next = duplex_step(job, &in_order);
    return next == HANDLER_DONE ? end(job) : next;
}

/* One more until the spawner has the program's end. */
const struct handler exec_handler = {.name = "exec", .descriptors = 2, .step = step};
