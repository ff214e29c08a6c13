/* A directory: what is written to Redis, the names that are here. */
#include "server/daemon/fleet/directory_internal.h"

#include "relay/clock.h"
#include "relay/lock.h"

enum {
    NOTES_MAX = 16384, /* beyond it all names are written again */
    BEATS = 3          /* in the time in which we expire */
};

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
    for (size_t i = 0; i < notes->count && written && !directory_is_stopping(directory);) {
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
           (directory_is_stopping(directory) ||
            directory_take_fresh(directory->link, keys, problem));
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

/* ---- What is due ----------------------------------------------------------------------------- */

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

bool directory_write_work(struct directory *directory, struct directory_work *work,
                          struct error_text *problem)
{
    if (!renew(directory, &work->rewrite, problem))
        return false;
    if (directory_is_stopping(directory))
        return true;
    return work->rewrite ? write_all(directory, problem)
                         : write_notes(directory, directory->keys.own, &work->notes, problem);
}
