/* Shared by the files of the programs only (programs.h):
 *
 *   programs_load.c  the daemon's side of the spawner: life, and the configuration
 *   programs_news.c  the thread that takes what the spawner says
 *   program.c        one program, as its connection sees it; and the table of all of them */
#ifndef ACTPASS_SERVER_PROGRAMS_PROGRAMS_INTERNAL_H
#define ACTPASS_SERVER_PROGRAMS_PROGRAMS_INTERNAL_H

#include "server/daemon/programs/programs.h"

#include <pthread.h>
#include <sys/types.h>

enum { PROGRAMS_BUCKETS = 512 };

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
    struct program *buckets[PROGRAMS_BUCKETS];
    bool gone;           /* the spawner has */
    bool ending;         /* and must */
    bool loaded, failed; /* the answer to a load */
    struct error_text why;
    struct message message; /* the thread's own: not guarded */
};

/* Waits for a spawner whose queue is full, until the deadline. Returns 0, or an errno. */
int programs_send(const struct programs *programs, enum message_kind kind, uint64_t id,
                  int64_t deadline_us);

/* Takes what the spawner has said. */
void programs_take(struct programs *programs, const struct message *message);

/* The thread: takes all that the spawner says, until that has gone. ARG: the programs. */
void *programs_listen(void *arg);

/* ---- The table; the lock is held ------------------------------------------------------------- */

/* Where the program with this id is, or would be, which is NULL then. */
struct program **programs_place_of(struct programs *programs, uint64_t id);
void programs_remove_at(struct program **place);

/* Asks the spawner to end it, if it must still be asked, unless its queue is full. */
void programs_send_end(struct programs *programs, struct program *program);

#endif
