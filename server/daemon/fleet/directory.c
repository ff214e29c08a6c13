#include "server/daemon/fleet/directory.h"

#include "relay/clock.h"
#include "relay/lock.h"
#include "server/daemon/fleet/directory_commands.h"
#include "server/daemon/fleet/directory_lists.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
    NOTES_MAX = 16384, /* beyond it all names are written again */
    RETRY_MS = 1000,   /* after Redis could not be asked */
    LOOK_MS = 250,     /* between two looks for a name that nobody has */
    BEATS = 3          /* in the time in which we expire */
};

enum stop { STOP_NOT, STOP_AND_FORGET, STOP_AND_KEEP };

struct directory {
    struct directory_options options;
    struct directory_keys keys;
    pthread_t thread;

    pthread_mutex_t lock; /* guards what follows; a leaf */
    pthread_cond_t changed;
    enum stop stop;
    bool rewrite; /* write all names again; notes are superfluous until then */
    struct notes notes;
    struct wants wants;

    /* The thread's own. */
    struct redis_link *link;
    bool failed; /* `changed` was called with a problem last */
    bool works;  /* or without */
    bool blind;  /* over this link Redis has refused to look for a name last */
    bool listed; /* all names were listed once */
    int64_t beat_us, retry_us;
};

/* ---- What others ask for --------------------------------------------------------------------- */

void directory_note(struct directory *directory, const char *name, bool here)
{
    lock_take(&directory->lock);
    struct notes *notes = &directory->notes;
    if (!directory->rewrite && (notes->count == NOTES_MAX || !notes_append(notes, name, here))) {
        directory->rewrite = true;
        notes_clear(notes);
    }
    lock_signal(&directory->changed);
    lock_release(&directory->lock);
}

void directory_want(struct directory *directory, const char *name, int64_t after_ms)
{
    lock_take(&directory->lock);
    wants_add(&directory->wants, name, clock_deadline_ms(after_ms));
    lock_signal(&directory->changed);
    lock_release(&directory->lock);
}

static bool is_stopping(struct directory *directory)
{
    lock_take(&directory->lock);
    bool stopping = directory->stop != STOP_NOT;
    lock_release(&directory->lock);
    return stopping;
}

/* ---- Redis fails, or works again: the thread ------------------------------------------------- */

static void fail(struct directory *directory, const struct error_text *problem)
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

/* ---- All names ------------------------------------------------------------------------------- */

struct listing {
    struct notes here;
    struct wants wanted;
    bool complete; /* memory was there for all that are here */
};

static void list_name(const char *name, enum directory_name what, void *list)
{
    struct listing *listing = list;
    if (what == DIRECTORY_HERE)
        listing->complete = notes_append(&listing->here, name, true) && listing->complete;
    else
        wants_add(&listing->wanted, name, 0);
}

/* Those that the directory before this one was looking for. */
static void take_wanted(struct directory *directory, const struct wants *wanted)
{
    for (size_t i = 0; i < wanted->count && !directory->listed; i++)
        for (size_t done = 0; done < wanted->items[i].count; done++)
            directory_want(directory, wanted->items[i].name, 0);
    directory->listed = true;
}

/* Writes names to KEY in batches, as long as they are of one kind and nobody stops us. */
static bool write_notes(struct directory *directory, const char *key, const struct notes *notes,
                        struct error_text *problem)
{
    char *batch[DIRECTORY_BATCH];
    bool written = true;
    for (size_t i = 0; i < notes->count && written && !is_stopping(directory);) {
        bool here = notes->items[i].here;
        size_t count = 0;
        for (; i < notes->count && notes->items[i].here == here && count < DIRECTORY_BATCH; i++)
            batch[count++] = notes->items[i].name;
        written = here ? directory_add_names(directory->link, key, batch, count, problem)
                       : directory_remove_names(directory->link, key, batch, count, problem);
    }
    return written;
}

static bool write_names(struct directory *directory, const struct notes *notes,
                        struct error_text *problem)
{
    const struct directory_keys *keys = &directory->keys;
    return directory_begin_fresh(directory->link, keys, problem) &&
           write_notes(directory, keys->fresh, notes, problem) &&
           (is_stopping(directory) || directory_take_fresh(directory->link, keys, problem));
}

/* What changes from here on is noted beside it, and written after it. */
static bool write_all(struct directory *directory, struct error_text *problem)
{
    struct listing all = {.complete = true};
    lock_take(&directory->lock);
    directory->rewrite = false;
    lock_release(&directory->lock);
    directory->options.list(directory->options.arg, list_name, &all);
    bool written = all.complete ? write_names(directory, &all.here, problem)
                                : error_set(problem, "%s: out of memory for the names of devices",
                                            directory_words.title);
    take_wanted(directory, &all.wanted);
    notes_clear(&all.here);
    wants_clear(&all.wanted);
    return written;
}

/* ---- The work of the thread ------------------------------------------------------------------ */

/* What was taken of what others have asked for. */
struct work {
    enum stop stop;
    bool rewrite;
    struct notes notes;
};

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
    return directory->stop != STOP_NOT || clock_now_us() >= next_due(directory) ||
           (directory->link && (directory->notes.count > 0 || directory->rewrite));
}

static void take_work(struct directory *directory, struct work *work)
{
    lock_take(&directory->lock);
    while (!has_work(directory))
        (void)lock_sleep(&directory->changed, &directory->lock, next_due(directory));
    *work = (struct work){directory->stop, directory->rewrite, directory->notes};
    directory->notes = (struct notes){.items = NULL};
    lock_release(&directory->lock);
}

/* False with problem: Redis failed. */
static bool count_others(struct directory *directory, struct error_text *problem)
{
    struct error_text refusal;
    size_t others;
    enum directory_look answer =
        directory_count(directory->link, &directory->keys, &others, &refusal);
    if (answer == DIRECTORY_LOOKED)
        directory->options.counted(directory->options.arg, others);
    else if (answer == DIRECTORY_FAILED)
        *problem = refusal;
    return answer != DIRECTORY_FAILED;
}

static bool renew(struct directory *directory, bool *rewrite, struct error_text *problem)
{
    bool there;
    if (clock_now_us() < directory->beat_us)
        return true;
    if (!directory_renew(directory->link, &directory->keys, &there, problem))
        return false;
    directory->beat_us = clock_deadline_ms(directory->options.expire_ms / BEATS);
    *rewrite = *rewrite || !there;
    return count_others(directory, problem);
}

/* A Redis that answers slowly must not keep us from a stop, or from the renewal of what is ours. */
static bool has_time_to_look(struct directory *directory)
{
    return !is_stopping(directory) && (!directory->link || clock_now_us() < directory->beat_us);
}

/* The next want from *AT on that is due, with what it was; it is due again later. NULL: none. */
static const char *next_want(struct directory *directory, size_t *at, size_t *count)
{
    const struct wants *wants = &directory->wants;
    const char *name = NULL;
    if (!has_time_to_look(directory))
        return NULL;
    int64_t now_us = clock_now_us();
    lock_take(&directory->lock);
    while (*at < wants->count && wants->items[*at].due_us > now_us)
        ++*at;
    if (*at < wants->count) {
        struct want *want = &wants->items[*at];
        want->due_us = clock_deadline_ms(LOOK_MS);
        *count = want->count;
        name = want->name;
    }
    lock_release(&directory->lock);
    return name;
}

/* Only the thread takes a want away. */
static void reduce_want(struct directory *directory, size_t at, size_t less)
{
    lock_take(&directory->lock);
    wants_reduce(&directory->wants, at, less);
    lock_release(&directory->lock);
}

/* PROBLEM: why Redis refuses to look for names; NULL: it does not. */
static void note_look(struct directory *directory, const char *problem)
{
    bool blind = problem;
    if (blind != directory->blind)
        directory->options.changed(directory->options.arg, problem);
    directory->blind = blind;
}

/* The address of a collector that has it. False: there is none, or Redis has failed. */
static bool look(struct directory *directory, const char *name, char address[DIRECTORY_ADDRESS_MAX])
{
    struct error_text problem;
    address[0] = '\0';
    if (!directory->link)
        return false;
    switch (directory_find(directory->link, &directory->keys, name, address, &problem)) {
    case DIRECTORY_LOOKED:
        note_look(directory, NULL);
        break;
    case DIRECTORY_REFUSED:
        note_look(directory, problem.text);
        break;
    case DIRECTORY_FAILED:
        fail(directory, &problem);
        break;
    }
    return address[0] != '\0';
}

/* Once for each who still waits, and no more: those who have left would have collectors dialed for
 * nobody. Returns how many go on to wait. */
static size_t look_for(struct directory *directory, const char *name, size_t count)
{
    const struct directory_options *options = &directory->options;
    char address[DIRECTORY_ADDRESS_MAX];
    size_t waiting = options->wanted(options->arg, name);
    size_t left = waiting < count ? waiting : count;
    for (; left > 0 && has_time_to_look(directory) && look(directory, name, address); left--)
        options->found(options->arg, name, address);
    return left;
}

/* A name that is not found is looked for again later. */
static void look_for_all(struct directory *directory)
{
    size_t at = 0, count = 0;
    const char *name = next_want(directory, &at, &count);
    for (; name; name = next_want(directory, &at, &count))
        reduce_want(directory, at, count - look_for(directory, name, count));
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

/* False with problem: Redis failed. */
static bool write_work(struct directory *directory, struct work *work, struct error_text *problem)
{
    if (!renew(directory, &work->rewrite, problem))
        return false;
    if (is_stopping(directory))
        return true;
    return work->rewrite ? write_all(directory, problem)
                         : write_notes(directory, directory->keys.own, &work->notes, problem);
}

static void do_work(struct directory *directory, struct work *work)
{
    struct error_text problem = {.text = ""};
    if (is_open(directory, &problem) && write_work(directory, work, &problem))
        note_success(directory);
    else
        fail(directory, &problem);
    look_for_all(directory);
}

static void *run(void *arg)
{
    struct directory *directory = arg;
    struct error_text ignored;
    struct work work;
    for (take_work(directory, &work); work.stop == STOP_NOT; take_work(directory, &work)) {
        do_work(directory, &work);
        notes_clear(&work.notes);
    }
    notes_clear(&work.notes);
    if (work.stop == STOP_AND_FORGET && directory->link)
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
    directory->stop = end == DIRECTORY_FORGET ? STOP_AND_FORGET : STOP_AND_KEEP;
    lock_signal(&directory->changed);
    lock_release(&directory->lock);
    lock_must_succeed(pthread_join(directory->thread, NULL));
    release(directory);
}
