/* The addresses with which TCP Fast Open does not work. Any thread. */
#ifndef ACTPASS_SERVER_LIB_FAST_OPEN_H
#define ACTPASS_SERVER_LIB_FAST_OPEN_H

#include "server/lib/dial/candidates.h"
#include "server/lib/peers.h"

/* Should data be sent in the SYN to this candidate? TCP only, and not within an hour after such
 * data was lost or refused: a device on the path may drop such packets, and each costs a second. */
bool fast_open_is_fit(struct peers *unfit, const struct candidate *candidate);
void fast_open_note_unfit(struct peers *unfit, const struct candidate *candidate);

#endif
