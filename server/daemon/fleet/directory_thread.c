/* A directory: its life, and the thread that talks to Redis. */
#include "server/daemon/fleet/directory_internal.h"

#include "relay/clock.h"
#include "relay/lock.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

enum { RETRY_MS = 1000 }; /* after Redis could not be asked */

bool directory_is_stopping(struct directory *directory)
{
    lock_take(&directory->lock);
    bool stopping = directory->stop != DIRECTORY_STOP_NOT;
    lock_release(&directory->lock);
    return stopping;
}

/* ---- Redis fails, or works again: the thread ------------------------------------------------- */

void directory_fail(struct directory *directory, const struct error_text *problem)
{
    redis_link_close(directory->link);
    directory->link = NULL;
    directory->retry_us = clock_deadline_ms(RETRY_MS);
    lock_take(&directory->lock);
    directory->rewrite = true;
    notes_clear(&directory->notes);
    lock_release(&directory->lock);
    if (!directory->failed)
        directory->options.changed(directory->options.arg, problem->text);
    directory->failed = true;
    directory->works = directory->blind = false;
}

static void note_success(struct directory *directory)
{
    if (!directory->works)
        directory->options.changed(directory->options.arg, NULL);
    directory->failed = false;
    directory->works = true;
}

/* ---- The work of the thread ------------------------------------------------------------------ */

/* The lock is held. */
static int64_t next_due(const struct directory *directory)
{
    int64_t due_us = directory->link ? directory->beat_us : directory->retry_us;
    for (size_t i = 0; directory->link && i < directory->wants.count; i++)
        if (directory->wants.items[i].due_us < due_us)
            due_us = directory->wants.items[i].due_us;
    return due_us;
}

/* The lock is held. */
static bool has_work(const struct directory *directory)
{
    return directory->stop != DIRECTORY_STOP_NOT || clock_now_us() >= next_due(directory) ||
           (directory->link && (directory->notes.count > 0 || directory->rewrite));
}

static void take_work(struct directory *directory, struct directory_work *work)
{
    lock_take(&directory->lock);
    while (!has_work(directory))
        (void)lock_sleep(&directory->changed, &directory->lock, next_due(directory));
    *work = (struct directory_work){directory->stop, directory->rewrite, directory->notes};
    directory->notes = (struct notes){.items = NULL};
    lock_release(&directory->lock);
}

static bool is_open(struct directory *directory, struct error_text *problem)
{
    if (directory->link)
        return true;
    directory->link = redis_link_open(directory->options.place,
                                      clock_deadline_ms(DIRECTORY_DEADLINE_MS), problem);
    directory->beat_us = 0;
    return directory->link;
}

static void do_work(struct directory *directory, struct directory_work *work)
{
    struct error_text problem = {.text = ""};
    if (is_open(directory, &problem) && directory_write_work(directory, work, &problem))
        note_success(directory);
    else
        directory_fail(directory, &problem);
    directory_look_for_all(directory);
}

static void *run(void *arg)
{
    struct directory *directory = arg;
    struct error_text ignored;
    struct directory_work work;
    for (take_work(directory, &work); work.stop == DIRECTORY_STOP_NOT;
         take_work(directory, &work)) {
        do_work(directory, &work);
        notes_clear(&work.notes);
    }
    notes_clear(&work.notes);
    if (work.stop == DIRECTORY_STOP_AND_FORGET && directory->link)
        (void)directory_forget(directory->link, &directory->keys, &ignored);
    return NULL;
}

/* ---- New and free ---------------------------------------------------------------------------- */

struct redis_place *directory_place_new(const struct config_sessions *where,
                                        struct error_text *error)
{
    return redis_place_new(where, &directory_words, error);
}

void directory_place_free(struct redis_place *place)
{
    redis_place_free(place);
}

static int start_thread(struct directory *directory)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&directory->thread, NULL, run, directory);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static void release(struct directory *directory)
{
    redis_link_close(directory->link);
    notes_clear(&directory->notes);
    wants_clear(&directory->wants);
    directory_keys_free(&directory->keys);
    (void)pthread_cond_destroy(&directory->changed);
    (void)pthread_mutex_destroy(&directory->lock);
    free(directory);
}

struct directory *directory_new(const struct directory_options *options)
{
    struct directory *directory = calloc(1, sizeof(*directory));
    if (!directory)
        return NULL;
    directory->options = *options;
    directory->rewrite = true;
    int error = pthread_mutex_init(&directory->lock, NULL);
    if (error == 0)
        error = clock_init_cond(&directory->changed);
    if (error != 0) {
        free(directory);
        errno = error;
        return NULL;
    }
    error =
        directory_keys_make(&directory->keys, options->pool, options->advertise, options->expire_ms)
            ? start_thread(directory)
            : ENOMEM;
    if (error == 0)
        return directory;
    release(directory);
    errno = error;
    return NULL;
}

void directory_free(struct directory *directory, enum directory_end end)
{
    if (!directory)
        return;
    lock_take(&directory->lock);
    directory->stop = end == DIRECTORY_FORGET ? DIRECTORY_STOP_AND_FORGET : DIRECTORY_STOP_AND_KEEP;
    lock_signal(&directory->changed);
    lock_release(&directory->lock);
    lock_must_succeed(pthread_join(directory->thread, NULL));
    release(directory);
}
