/* The programs: one of them, as its connection sees it; and the table of all. */
#include "server/daemon/programs/programs_internal.h"

#include "relay/lock.h"
#include "server/daemon/spawner/command_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- The table; the lock is held ------------------------------------------------------------- */

struct program **programs_place_of(struct programs *programs, uint64_t id)
{
    struct program **place = &programs->buckets[id % PROGRAMS_BUCKETS];
    while (*place && (*place)->id != id)
        place = &(*place)->next;
    return place;
}

static void release(struct program *program)
{
    if (--program->references > 0)
        return;
    free(program->service);
    free(program->command);
    free(program);
}

void programs_remove_at(struct program **place)
{
    struct program *program = *place;
    *place = program->next;
    if (program->end_waits)
        program->programs->ends_waiting--;
    program->end_waits = false;
    release(program);
}

/* One that has gone was logged. */
void programs_send_end(struct programs *programs, struct program *program)
{
    int error = program->end_waits ? programs_send(programs, MESSAGE_END, program->id, 0) : EAGAIN;
    if (error == EAGAIN)
        return;
    program->end_waits = false;
    programs->ends_waiting--;
}

/* ---- One program ----------------------------------------------------------------------------- */

static struct program *make_program(struct programs *programs, const struct program_wish *wish)
{
    struct program *program = calloc(1, sizeof(*program));
    if (!program)
        return NULL;
    program->programs = programs;
    program->references = 2;
    program->service = strdup(wish->report->service);
    program->command = strdup(wish->exec->command.items[0]);
    program->report = (struct report){
        .log = wish->report->log, .service = program->service, .number = wish->report->number};
    program->stats = wish->stats;
    program->bell = wish->bell;
    program->exit.copied = wish->exec->pty;
    atomic_init(&program->exit.exit, DUPLEX_EXIT_NONE);
    if (program->service && program->command)
        return program;
    free(program->service);
    free(program->command);
    free(program);
    return NULL;
}

/* False: there is no spawner any more. */
static bool enter(struct programs *programs, struct program *program)
{
    lock_take(&programs->lock);
    bool gone = programs->gone;
    program->id = ++programs->last_id;
    program->next = programs->buckets[program->id % PROGRAMS_BUCKETS];
    if (!gone)
        programs->buckets[program->id % PROGRAMS_BUCKETS] = program;
    lock_release(&programs->lock);
    return !gone;
}

/* It has not reached the spawner. */
static void abandon(struct programs *programs, struct program *program)
{
    lock_take(&programs->lock);
    struct program **place = programs_place_of(programs, program->id);
    if (*place)
        programs_remove_at(place);
    else
        program->references = 1;
    release(program);
    lock_release(&programs->lock);
}

struct program *program_start(struct programs *programs, const struct program_wish *wish,
                              struct message *message, int connection, bool *full,
                              struct error_text *error)
{
    char reason[128];
    struct program *program = make_program(programs, wish);
    *full = false;
    if (!program) {
        (void)error_set_code(error, ERROR_NO_MEMORY, "out of memory for a program");
        return NULL;
    }
    bool entered = enter(programs, program);
    message->kind = MESSAGE_START;
    message->id = program->id;
    message->command = command_key(wish->exec);
    int failed =
        entered ? message_send(programs->spawner.fd, message, connection, MSG_DONTWAIT) : EPIPE;
    if (failed == 0)
        return program;
    abandon(programs, program);
    *full = failed == EAGAIN;
    (void)error_set(error, "the process that starts programs cannot be asked: %s",
                    strerror_r(failed, reason, sizeof(reason)));
    return NULL;
}

enum program_state program_look(struct program *program, struct error_text *error)
{
    lock_take(&program->programs->lock);
    enum program_state state = program->state;
    if (state == PROGRAM_FAILED)
        *error = program->error;
    lock_release(&program->programs->lock);
    return state;
}

struct duplex_program *program_exit(struct program *program)
{
    return &program->exit;
}

void program_leave(struct program *program)
{
    struct programs *programs = program->programs;
    lock_take(&programs->lock);
    program->bell = NULL;
    if (program->state == PROGRAM_STARTING || program->state == PROGRAM_RUNNING) {
        program->end_waits = true;
        programs->ends_waiting++;
        programs_send_end(programs, program);
    }
    release(program);
    lock_release(&programs->lock);
}
