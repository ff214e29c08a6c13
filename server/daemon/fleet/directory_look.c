/* A directory: names that are looked for in Redis. */
#include "server/daemon/fleet/directory_internal.h"

#include "relay/clock.h"
#include "relay/lock.h"

enum { LOOK_MS = 250 }; /* between two looks for a name that nobody has */

void directory_want(struct directory *directory, const char *name, int64_t after_ms)
{
    lock_take(&directory->lock);
    wants_add(&directory->wants, name, clock_deadline_ms(after_ms));
    lock_signal(&directory->changed);
    lock_release(&directory->lock);
}

/* A Redis that answers slowly must not keep us from a stop, or from the renewal of what is ours. */
static bool has_time_to_look(struct directory *directory)
{
    return !directory_is_stopping(directory) &&
           (!directory->link || clock_now_us() < directory->beat_us);
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
        directory_fail(directory, &problem);
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
void directory_look_for_all(struct directory *directory)
{
    size_t at = 0, count = 0;
    const char *name = next_want(directory, &at, &count);
    for (; name; name = next_want(directory, &at, &count))
        reduce_want(directory, at, count - look_for(directory, name, count));
}
