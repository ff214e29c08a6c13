/* What a directory (directory.h) has to tell Redis, and to ask it. Neither list has a lock. */
#ifndef ACTPASS_SERVER_DAEMON_FLEET_DIRECTORY_LISTS_H
#define ACTPASS_SERVER_DAEMON_FLEET_DIRECTORY_LISTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A name that has come here, or has gone. */
struct note {
    char *name;
    bool here;
};

/* A name to look for. */
struct want {
    char *name;
    size_t count; /* of those who have asked for it; some may have left */
    int64_t due_us;
};

struct notes {
    struct note *items;
    size_t count, room;
};

struct wants {
    struct want *items;
    size_t count, room;
};

/* In the order of their arrival. Copies the name. False: out of memory. */
bool notes_append(struct notes *notes, const char *name, bool here);
void notes_clear(struct notes *notes);

/* One more who asks for the name, due at due_us (clock.h) at the latest. Copies it. Beyond 4096
 * names, or without memory, it is not looked for. */
void wants_add(struct wants *wants, const char *name, int64_t due_us);

/* LESS of those who have asked for the name at AT do so no more; a name without any is taken away,
 * and the last one takes its place. */
void wants_reduce(struct wants *wants, size_t at, size_t less);
void wants_clear(struct wants *wants);

#endif
