/* A reload's last step: the generation that is served is replaced by one that was loaded
 * completely. The thread that reloads makes all of the change beforehand, then hands it to the
 * accept thread, which carries it out between two connections: nothing of that can fail, nor takes
 * long. */
#ifndef ACTPASS_SERVER_SWAP_H
#define ACTPASS_SERVER_SWAP_H

#include "server/daemon/state.h"

struct change {
    struct generation *before, *next;
    struct retired *gone; /* services of BEFORE whose connections end */
};

/* Fills *CHANGE, and makes what BEFORE, which the server runs now, and NEXT need. False: out of
 * memory or threads; swap_discard all the same. The thread that reloads. */
bool swap_prepare(struct server *server, struct generation *next, struct change *change);

/* Waits until the accept thread has carried out the change. False: it does not any more, since the
 * server stops. The thread that reloads. */
bool swap_give(struct server *server, struct change *change);

/* Releases what a change holds besides the generations, whether it was carried out or not. */
void swap_discard(struct change *change);

/* Carries out the change that is given, if any. Accept thread. */
void swap_take(struct server *server);

#endif
