/* The programs: the thread that takes what the spawner says. */
#include "server/daemon/programs/programs_internal.h"

#include "relay/lock.h"
#include "server/daemon/admin/stats.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void change(struct program *program, enum program_state state)
{
    program->state = state;
    if (program->bell)
        bell_ring(program->bell);
}

static void set_exit(struct program *program, int status)
{
    const char *name = WIFSIGNALED(status) ? sigdescr_np(WTERMSIG(status)) : NULL;
    if (WIFSIGNALED(status))
        (void)error_set(&program->exit.why, "the program %s was ended by signal %d (%s)",
                        program->command, WTERMSIG(status), name ? name : "unknown");
    atomic_store(&program->exit.exit, WIFSIGNALED(status) ? DUPLEX_EXIT_CUT : DUPLEX_EXIT_IN_ORDER);
}

static void take_end(struct program *program, int status)
{
    stats_count(program->stats, STATS_PROGRAM_ENDED);
    report_program_ended(&program->report, program->command, program->pid, status);
    set_exit(program, status);
    change(program, PROGRAM_ENDED);
}

static void take_failure(struct program *program, const char *why)
{
    stats_count(program->stats, STATS_PROGRAM_FAILED);
    (void)error_set(&program->error, "%s", why);
    change(program, PROGRAM_FAILED);
}

/* About one program: true if nothing more will be said about it. */
static bool take_news(struct program *program, const struct message *message)
{
    switch (message->kind) {
    case MESSAGE_STARTED:
        stats_count(program->stats, STATS_PROGRAM_STARTED);
        program->pid = message->number;
        report_program_started(&program->report, program->command, program->pid);
        change(program, PROGRAM_RUNNING);
        return false;
    case MESSAGE_LINE:
        report_program_line(&program->report, message->text, message->number);
        return false;
    case MESSAGE_FAILED:
        take_failure(program, message->text);
        return true;
    case MESSAGE_ENDED:
        take_end(program, message->number);
        return true;
    default:
        return false;
    }
}

static void take_answer(struct programs *programs, const struct message *message)
{
    programs->loaded = true;
    programs->failed = message->number != 0;
    (void)error_set(&programs->why, "%s", message->text);
    lock_broadcast(&programs->changed);
}

void programs_take(struct programs *programs, const struct message *message)
{
    lock_take(&programs->lock);
    struct program **place = programs_place_of(programs, message->id);
    if (message->kind == MESSAGE_LOADED)
        take_answer(programs, message);
    else if (*place && take_news(*place, message))
        programs_remove_at(place);
    lock_release(&programs->lock);
}

/* Nothing is known of the programs any more, so none has ended in order. */
static void lose(struct program *program)
{
    static const char why[] = "the process that starts programs has ended: restart actpass";
    if (program->state == PROGRAM_STARTING) {
        take_failure(program, why);
        return;
    }
    (void)error_set(&program->exit.why, "%s", why);
    atomic_store(&program->exit.exit, DUPLEX_EXIT_CUT);
    change(program, PROGRAM_ENDED);
}

static void take_loss(struct programs *programs)
{
    lock_take(&programs->lock);
    programs->gone = true;
    for (size_t i = 0; i < PROGRAMS_BUCKETS; i++)
        while (programs->buckets[i]) {
            lose(programs->buckets[i]);
            programs_remove_at(&programs->buckets[i]);
        }
    bool ending = programs->ending;
    lock_broadcast(&programs->changed);
    lock_release(&programs->lock);
    if (!ending)
        report_no_spawner(programs->log);
}

/* What did not fit into the spawner's queue. While that is full, something is in it that the
 * spawner answers, and each answer gets here. */
static void send_ends(struct programs *programs)
{
    lock_take(&programs->lock);
    for (size_t i = 0; i < PROGRAMS_BUCKETS && programs->ends_waiting > 0; i++)
        for (struct program *program = programs->buckets[i]; program; program = program->next)
            programs_send_end(programs, program);
    lock_release(&programs->lock);
}

void *programs_listen(void *arg)
{
    struct programs *programs = arg;
    int descriptor, error = 0;
    while (error != EPIPE) {
        error = message_receive(programs->spawner.fd, &programs->message, &descriptor, 0);
        if (descriptor >= 0)
            close(descriptor); /* it sends none */
        if (error == 0)
            programs_take(programs, &programs->message);
        if (error == 0)
            send_ends(programs);
        else if (error != EPROTO && error != EAGAIN)
            error = EPIPE;
    }
    take_loss(programs);
    return NULL;
}
