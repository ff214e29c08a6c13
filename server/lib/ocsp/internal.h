/* What the files of ocsp.h share. A file calls only files of the rows below its own:
 *
 *   ocsp.c        new, start, free
 *   find.c        what is known of peers' certificates, and who waits for it
 *   follow.c      responses for our own certificates
 *   work.c        the threads: what is due is asked, and what comes of it is noted
 *   waiters.c     who waits for an answer, and is woken
 *   entries.c     what is known: one entry for each certificate
 *   due.c         when our own certificates are asked about again
 *   queue.c       which question is asked next
 *   fetch.c       asks one question
 *   answer.c      what a response says, and whether it may say that
 *   question.c, source.c, http.c, store.c, schedule.c */
#ifndef ACTPASS_SERVER_LIB_OCSP_INTERNAL_H
#define ACTPASS_SERVER_LIB_OCSP_INTERNAL_H

#include "server/lib/ocsp/callers.h"
#include "server/lib/ocsp/due.h"
#include "server/lib/ocsp/entries.h"
#include "server/lib/ocsp/queue.h"
#include "server/lib/ocsp/waiters.h"

#include <pthread.h>

struct ocsp_follower {
    struct ocsp *ocsp;
    struct entry *entry;
    struct ocsp_follower *next;
    struct ocsp_report report;
    char *name;
};

struct ocsp {
    struct threads *threads;
    int cancel_fd; /* readable once it is to end */

    pthread_mutex_t lock; /* guards what follows, and all entries */
    pthread_cond_t due;   /* the thread of work_run is to look */
    struct entries entries;
    struct due schedule;
    struct queue queue;
    size_t followed; /* entries with followers */
    bool started, ending;
};

/* ---- work.c. The lock is held, but in work_run --------------------------------------------- */

/* What a thread of its own does: begins what is due, until the end. ARG is the struct ocsp. */
void work_run(void *arg);

/* Notes when a followed entry is to be asked about again, by what is known of it. */
void work_schedule(struct ocsp *ocsp, struct entry *entry);

/* Lets QUESTION, which becomes the entry's, be asked. False with error: then it is the caller's. */
bool work_ask(struct ocsp *ocsp, struct entry *entry, struct ocsp_question *question,
              struct error_text *error);

/* Lets a question that waits not be asked. */
void work_withdraw(struct ocsp *ocsp, struct entry *entry);

/* Takes over a response, unless what is known is newer. *ANSWER is empty afterwards. */
void work_take(struct ocsp *ocsp, struct entry *entry, struct ocsp_answer *answer);

#endif
