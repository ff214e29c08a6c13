/* Opens a TCP or unix connection to the first of several addresses that answers (RFC 8305, "Happy
 * Eyeballs"): an attempt begins 250 ms after the one before it, or at once if that has failed, and
 * attempts run at the same time; the first to connect wins. A further configured address is a
 * spare: it is tried only when all before it have failed or have had up to two seconds. For one
 * thread; another one may cancel.
 *
 * From a fixed local port, two peers that dial each other can meet without a listener: TCP's
 * simultaneous open (RFC 9293 section 3.5). Candidates of another family than the local address are
 * reported and left out. */
#ifndef ACTPASS_SERVER_LIB_DIAL_DIAL_H
#define ACTPASS_SERVER_LIB_DIAL_DIAL_H

#include "server/lib/dial/socket.h"

/* Returns a connected non-blocking socket, which the caller closes, and in *WINNER what it is
 * connected to. -1: each attempt has failed and was reported to the observer, or the dial was
 * cancelled. */
int dial_first(const struct dial *dial, struct candidate *winner);

/* As dial_first, with COUNT candidates that were resolved before instead of dial->addresses, and
 * without a proxy. */
int dial_list(const struct dial *dial, const struct candidate *list, size_t count,
              struct candidate *winner);

/* As dial_first, with one candidate. */
int dial_one(const struct dial *dial, const struct candidate *to);

#endif
