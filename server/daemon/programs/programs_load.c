/* The programs: life, and what the spawner is to know of the configuration. */
#include "server/daemon/programs/programs_internal.h"

#include "relay/clock.h"
#include "relay/lock.h"
#include "server/daemon/lines.h"
#include "server/daemon/spawner/command_list.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_MS = 20000, LEAVE_MS = 2000 };

int programs_send(const struct programs *programs, enum message_kind kind, uint64_t id,
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
        programs_take(programs, &programs->message);
}

static bool load(struct programs *programs, struct config_report *report)
{
    lock_take(&programs->lock);
    programs->loaded = programs->failed = false;
    lock_release(&programs->lock);
    if (programs_send(programs, MESSAGE_LOAD, 0, clock_deadline_ms(ANSWER_MS)) == 0)
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
        (void)programs_send(programs, MESSAGE_COMMIT, 0,
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

int programs_run(struct programs *programs)
{
    int error = pthread_create(&programs->thread, NULL, programs_listen, programs);
    programs->running = error == 0;
    return error;
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

void programs_note_hang(struct programs *programs)
{
    if (log_limit_note(&programs->hangs))
        report_spawner_hangs(programs->log);
}
