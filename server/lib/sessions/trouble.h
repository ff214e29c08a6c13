/* A trouble that goes on: told once a minute, however often it is noted. Any thread. */
#ifndef ACTPASS_SERVER_SESSIONS_TROUBLE_H
#define ACTPASS_SERVER_SESSIONS_TROUBLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TROUBLE_QUIET_US = 60000000 };

struct trouble {
    atomic_bool noted;    /* there is something to tell; read without the lock, too */
    pthread_mutex_t lock; /* guards what follows */
    bool told;            /* ever */
    int64_t told_us;
    char text[512];
};

bool trouble_init(struct trouble *trouble);
void trouble_destroy(struct trouble *trouble);

void trouble_note(struct trouble *trouble, const char *text);

/* Copies what was noted last, if anything was and the last telling is a minute ago. */
bool trouble_tell(struct trouble *trouble, char *text, size_t size);

#endif
