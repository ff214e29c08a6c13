/* TCP Fast Open, where it is decided on: what the system allows, and addresses that do not get
 * along with it. Entered by any thread. */
#ifndef ACTPASS_SERVER_LIB_FAST_OPEN_H
#define ACTPASS_SERVER_LIB_FAST_OPEN_H

#include "server/lib/dial/candidates.h"
#include "server/lib/peers.h"

/* Returns true if connections of this configuration are dialed with Fast Open: as TLS client,
 * through the relay. Nothing secret may go into a SYN, and our data has to go there before the
 * peer's. */
bool fast_open_wanted(const struct config_connection *connection);

/* Is data in the SYN worth a try with this one? TCP only, and not within an hour after its SYN data
 * was lost or refused: something on the path may drop such packets, and each costs a second. */
bool fast_open_is_fit(struct peers *unfit, const struct candidate *candidate);
void fast_open_note_unfit(struct peers *unfit, const struct candidate *candidate);

/* SYSCTL is the text of /proc/sys/net/ipv4/tcp_fastopen. NULL, or what it forbids, with the remedy;
 * for a service that dials, or one that listens. */
const char *fast_open_forbidden(const char *sysctl, bool dials);

/* The same for this system as it is now. */
const char *fast_open_forbidden_here(bool dials);

#endif
