/* Shared by the files of a directory only (directory.h):
 *
 *   directory_thread.c    its life, and the thread
 *   directory_write.c     what is written: the names that are here
 *   directory_look.c      names that are looked for
 *   directory_lists.c     what is to be written, and to be looked for
 *   directory_commands.c  what Redis is told and asked */
#ifndef ACTPASS_SERVER_FLEET_DIRECTORY_INTERNAL_H
#define ACTPASS_SERVER_FLEET_DIRECTORY_INTERNAL_H

#include "server/daemon/fleet/directory.h"
#include "server/daemon/fleet/directory_commands.h"
#include "server/daemon/fleet/directory_lists.h"

#include <pthread.h>

enum directory_stop { DIRECTORY_STOP_NOT, DIRECTORY_STOP_AND_FORGET, DIRECTORY_STOP_AND_KEEP };

struct directory {
    struct directory_options options;
    struct directory_keys keys;
    pthread_t thread;

    pthread_mutex_t lock; /* guards what follows; a leaf */
    pthread_cond_t changed;
    enum directory_stop stop;
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

/* What was taken of what others have asked for. */
struct directory_work {
    enum directory_stop stop;
    bool rewrite;
    struct notes notes;
};

bool directory_is_stopping(struct directory *directory);

/* All that follows is for the thread. */

/* Closes the link to Redis, and says so if it has worked before. */
void directory_fail(struct directory *directory, const struct error_text *problem);

/* Renews what is ours in Redis, and writes WORK there. False with problem: Redis failed. */
bool directory_write_work(struct directory *directory, struct directory_work *work,
                          struct error_text *problem);

/* Looks for each name whose time has come. */
void directory_look_for_all(struct directory *directory);

#endif
