/* A trouble that may come a thousand times a second and should be logged once. Any thread. */
#ifndef ACTPASS_SERVER_EPISODE_H
#define ACTPASS_SERVER_EPISODE_H

#include <stdatomic.h>
#include <stdbool.h>

struct episode {
    _Atomic long long last_us; /* when the trouble was there last; 0: never */
};

/* The trouble is there now. True when that is worth a line: it has been away for 5 s. */
bool episode_begins(struct episode *episode);

#endif
