/* An error that may recur with each connection and is to be logged once a minute. Any thread. */
#ifndef ACTPASS_SERVER_SESSIONS_THROTTLED_ERROR_H
#define ACTPASS_SERVER_SESSIONS_THROTTLED_ERROR_H

#include "server/lib/base/error.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct throttled_error {
    atomic_bool noted;    /* there is an error to be taken; also read without the lock */
    pthread_mutex_t lock; /* guards what follows */
    int64_t full_us;      /* the state of its rate (rate.h) */
    struct error_text error;
    void (*report)(const char *text, void *arg); /* NULL: it waits for throttled_error_take */
    void *arg;
};

bool throttled_error_init(struct throttled_error *throttled); /* false: no memory */
void throttled_error_destroy(struct throttled_error *throttled);

/* Before it is in use: throttled_error_note calls REPORT with ARG for what throttled_error_take
 * would return, which then returns nothing. On the thread that notes the error. */
void throttled_error_report_to(struct throttled_error *throttled,
                               void (*report)(const char *text, void *arg), void *arg);

/* Keeps a copy, in place of the error that was noted before. */
void throttled_error_note(struct throttled_error *throttled, const struct error_text *error);

/* Copies the error that was noted last to *ERROR, if one was noted since the last call that
 * returned true and that call is at least a minute ago. Otherwise false. */
bool throttled_error_take(struct throttled_error *throttled, struct error_text *error);

#endif
