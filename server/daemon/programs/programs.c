#include "server/daemon/programs/programs.h"

#include "relay/clock.h"
#include "relay/lock.h"
#include "server/daemon/admin/stats.h"
#include "server/daemon/lines.h"
#include "server/daemon/spawner/command_list.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BUCKETS = 512, ANSWER_MS = 20000, LEAVE_MS = 2000 };

struct program {
    struct programs *programs;
    uint64_t id;          /* constant, as all up to the lock's */
    struct report report; /* what of it is needed after the connection, too */
    char *service, *command;
    struct service_stats *stats;
    struct duplex_program exit;

    /* Guarded by the lock of the programs. */
    struct program *next; /* in its bucket */
    unsigned references;  /* of the connection, and of the table until the spawner says its last */
    enum program_state state;
    pid_t pid;
    struct bell *bell; /* NULL: its connection has ended */
    bool end_waits;    /* that the spawner is to end it must still be said */
    struct error_text error;
};

struct programs {
    struct log *log;
    struct spawner spawner;
    pthread_t thread;
    bool running;           /* the thread was started */
    int64_t longest_ms;     /* "kill_after", of all so far */
    struct log_limit hangs; /* the spawner takes nothing more; any thread */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t last_id;
    size_t ends_waiting; /* programs with end_waits */
    struct program *buckets[BUCKETS];
    bool gone;           /* the spawner has */
    bool ending;         /* and must */
    bool loaded, failed; /* the answer to a load */
    struct error_text why;
    struct message message; /* the thread's own: not guarded */
};

/* ---- The table; the lock is held ------------------------------------------------------------- */

static struct program **place_of(struct programs *programs, uint64_t id)
{
    struct program **place = &programs->buckets[id % BUCKETS];
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

static void remove_at(struct program **place)
{
    struct program *program = *place;
    *place = program->next;
    if (program->end_waits)
        program->programs->ends_waiting--;
    program->end_waits = false;
    release(program);
}

static void change(struct program *program, enum program_state state)
{
    program->state = state;
    if (program->bell)
        bell_ring(program->bell);
}

/* ---- To the spawner -------------------------------------------------------------------------- */

/* Waits for a spawner whose queue is full, until the deadline. Returns 0, or an errno. */
static int send_plain(const struct programs *programs, enum message_kind kind, uint64_t id,
                      int64_t deadline_us)
{
    struct message message;
    struct timespec left;
    struct pollfd own = {.fd = programs->spawner.fd, .events = POLLOUT};
    message_begin(&message, kind, id);
    int error = message_send(own.fd, &message, -1, MSG_DONTWAIT);
    while (error == EAGAIN && ppoll(&own, 1, clock_left(deadline_us, &left), NULL) != 0 &&
           clock_now_us() < deadline_us)
        error = message_send(own.fd, &message, -1, MSG_DONTWAIT);
    return error;
}

/* One that has gone was logged. The lock is held. */
static void send_end(struct programs *programs, struct program *program)
{
    int error = program->end_waits ? send_plain(programs, MESSAGE_END, program->id, 0) : EAGAIN;
    if (error == EAGAIN)
        return;
    program->end_waits = false;
    programs->ends_waiting--;
}

/* What did not fit into the spawner's queue. While that is full, something is in it that the
 * spawner answers, and each answer gets here. */
static void send_ends(struct programs *programs)
{
    lock_take(&programs->lock);
    for (size_t i = 0; i < BUCKETS && programs->ends_waiting > 0; i++)
        for (struct program *program = programs->buckets[i]; program; program = program->next)
            send_end(programs, program);
    lock_release(&programs->lock);
}

/* ---- What the spawner says; on the thread ---------------------------------------------------- */

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

static void take(struct programs *programs, const struct message *message)
{
    lock_take(&programs->lock);
    struct program **place = place_of(programs, message->id);
    if (message->kind == MESSAGE_LOADED)
        take_answer(programs, message);
    else if (*place && take_news(*place, message))
        remove_at(place);
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
    for (size_t i = 0; i < BUCKETS; i++)
        while (programs->buckets[i]) {
            lose(programs->buckets[i]);
            remove_at(&programs->buckets[i]);
        }
    bool ending = programs->ending;
    lock_broadcast(&programs->changed);
    lock_release(&programs->lock);
    if (!ending)
        report_no_spawner(programs->log);
}

static void *listen_to(void *arg)
{
    struct programs *programs = arg;
    int descriptor, error = 0;
    while (error != EPIPE) {
        error = message_receive(programs->spawner.fd, &programs->message, &descriptor, 0);
        if (descriptor >= 0)
            close(descriptor); /* it sends none */
        if (error == 0)
            take(programs, &programs->message);
        if (error == 0)
            send_ends(programs);
        else if (error != EPROTO && error != EAGAIN)
            error = EPIPE;
    }
    take_loss(programs);
    return NULL;
}

/* ---- The configuration --------------------------------------------------------------------- */

void programs_check(const struct config *config, struct config_report *report)
{
    if (command_list_wanted(config))
        command_list_free(command_list_new(config, report));
}

static void note_kill_after(struct programs *programs, const struct config_handler *handler)
{
    if (handler->kind == CONFIG_HANDLER_EXEC && handler->exec.kill_after_ms > programs->longest_ms)
        programs->longest_ms = handler->exec.kill_after_ms;
}

static void note_longest(struct programs *programs, const struct config *config)
{
    for (size_t i = 0; i < config->service_count; i++) {
        const struct config_service *service = &config->services[i];
        const struct config_handler *handler = config_handler_at(service, 0);
        for (size_t k = 0; handler; handler = config_handler_at(service, ++k))
            note_kill_after(programs, handler);
    }
}

/* Before the thread runs, this one receives. */
static void await_answer(struct programs *programs)
{
    int descriptor;
    int64_t deadline_us = clock_deadline_ms(ANSWER_MS);
    struct pollfd own = {.fd = programs->spawner.fd, .events = POLLIN};
    lock_take(&programs->lock);
    while (programs->running && !programs->loaded && !programs->gone &&
           !lock_sleep(&programs->changed, &programs->lock, deadline_us))
        ;
    lock_release(&programs->lock);
    if (programs->running || poll(&own, 1, ANSWER_MS) != 1)
        return;
    if (message_receive(programs->spawner.fd, &programs->message, &descriptor, MSG_DONTWAIT) == 0)
        take(programs, &programs->message);
}

static bool load(struct programs *programs, struct config_report *report)
{
    lock_take(&programs->lock);
    programs->loaded = programs->failed = false;
    lock_release(&programs->lock);
    if (send_plain(programs, MESSAGE_LOAD, 0, clock_deadline_ms(ANSWER_MS)) == 0)
        await_answer(programs);
    lock_take(&programs->lock);
    bool answered = programs->loaded, good = answered && !programs->failed;
    struct error_text why = programs->why;
    lock_release(&programs->lock);
    if (!good)
        lines_add(&report->errors, "%s",
                  answered ? why.text
                           : "exec: the process that starts programs does not answer: restart "
                             "actpass");
    return good;
}

bool programs_load(struct programs *programs, const struct config *config,
                   struct config_report *report)
{
    if (programs)
        note_longest(programs, config);
    if (programs)
        return load(programs, report);
    if (!command_list_wanted(config))
        return true;
    lines_add(&report->errors,
              "exec: there was none at the start, so there is no process that starts programs: "
              "restart actpass");
    return false;
}

void programs_commit(struct programs *programs)
{
    if (programs)
        (void)send_plain(programs, MESSAGE_COMMIT, 0,
                         clock_deadline_ms(ANSWER_MS)); /* one that has gone was logged */
}

/* ---- Life ------------------------------------------------------------------------------------ */

static struct programs *make(struct spawner *spawner, struct log *log)
{
    struct programs *programs = calloc(1, sizeof(*programs));
    if (!programs)
        return NULL;
    if (pthread_mutex_init(&programs->lock, NULL) != 0) {
        free(programs);
        return NULL;
    }
    if (clock_init_cond(&programs->changed) != 0) {
        (void)pthread_mutex_destroy(&programs->lock);
        free(programs);
        return NULL;
    }
    programs->log = log;
    programs->spawner = *spawner;
    spawner->fd = -1;
    return programs;
}

struct programs *programs_new(struct spawner *spawner, struct log *log,
                              struct config_report *report)
{
    struct programs *programs = make(spawner, log);
    if (!programs) {
        lines_add(&report->errors, "out of memory");
        return NULL;
    }
    if (load(programs, report)) {
        programs_commit(programs);
        return programs;
    }
    programs_free(programs);
    return NULL;
}

bool programs_run(struct programs *programs)
{
    programs->running = pthread_create(&programs->thread, NULL, listen_to, programs) == 0;
    return programs->running;
}

/* It ends its programs, and then itself. If that takes too long, it does so without us. */
static void end_thread(struct programs *programs)
{
    int64_t deadline_us = clock_deadline_ms(programs->longest_ms + LEAVE_MS);
    lock_take(&programs->lock);
    programs->ending = true;
    (void)shutdown(programs->spawner.fd, SHUT_WR);
    while (!programs->gone && !lock_sleep(&programs->changed, &programs->lock, deadline_us))
        ;
    lock_release(&programs->lock);
    (void)shutdown(programs->spawner.fd, SHUT_RDWR);
    (void)pthread_join(programs->thread, NULL);
}

void programs_free(struct programs *programs)
{
    if (!programs)
        return;
    if (programs->running)
        end_thread(programs);
    close(programs->spawner.fd);
    (void)pthread_cond_destroy(&programs->changed);
    (void)pthread_mutex_destroy(&programs->lock);
    free(programs);
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
    program->next = programs->buckets[program->id % BUCKETS];
    if (!gone)
        programs->buckets[program->id % BUCKETS] = program;
    lock_release(&programs->lock);
    return !gone;
}

/* It has not reached the spawner. */
static void abandon(struct programs *programs, struct program *program)
{
    lock_take(&programs->lock);
    struct program **place = place_of(programs, program->id);
    if (*place)
        remove_at(place);
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
        send_end(programs, program);
    }
    release(program);
    lock_release(&programs->lock);
}

void programs_note_hang(struct programs *programs)
{
    if (log_limit_note(&programs->hangs))
        report_spawner_hangs(programs->log);
}
