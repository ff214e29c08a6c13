/* A dial (dial.h) step by step, for whoever must not block its thread: directly, which is a race
 * (race.h), or through a proxy. Then the race is for the proxy, which is asked for each address in
 * turn, on a connection of its own; each has a part of the time that is left. For one thread at a
 * time. */
#ifndef ACTPASS_SERVER_LIB_DIAL_STEPS_H
#define ACTPASS_SERVER_LIB_DIAL_STEPS_H

#include "server/lib/dial/race.h"
#include "server/lib/dial/through.h"

enum dial_stage {
    DIAL_DIRECT,
    DIAL_RACE,  /* for the proxy */
    DIAL_TALK,  /* with the proxy */
    DIAL_TURNED /* the proxy has refused an address, and there is another */
};

/* All members are steps.c's. Must not be moved. */
struct dial_steps {
    const struct dial *dial;
    enum dial_stage stage;
    struct race race;
    struct dial to_proxy;
    struct through_talk talk; /* its fd is ours; -1: none */
    size_t target;            /* whose turn it is */
    int64_t until_us;         /* DIAL_TALK: its deadline */
};

/* Begins to dial. DIAL is borrowed until steps_end. Nothing of its wait is used. */
void steps_begin(struct dial_steps *steps, const struct dial *dial);

/* Begins a race for COUNT candidates that were resolved before, which are borrowed, too. */
void steps_begin_list(struct dial_steps *steps, const struct dial *dial,
                      const struct candidate *list, size_t count);

/* As race_step, race_poll_set, race_wait and race_end. WINNER's configured address is the one that
 * was dialed, and its socket address the one that the socket is connected to. */
enum race_result steps_go(struct dial_steps *steps, struct candidate *winner, int *fd);
nfds_t steps_poll_set(const struct dial_steps *steps, struct pollfd set[DIAL_MAX_DESCRIPTORS],
                      int64_t *until_us);
int64_t steps_wait(struct dial_steps *steps, struct pollfd *own);
void steps_end(struct dial_steps *steps, int error);

#endif
