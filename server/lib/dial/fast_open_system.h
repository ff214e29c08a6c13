/* Whether TCP Fast Open is wanted for a dial, and whether this system allows it. Any thread. */
#ifndef ACTPASS_SERVER_LIB_DIAL_FAST_OPEN_SYSTEM_H
#define ACTPASS_SERVER_LIB_DIAL_FAST_OPEN_SYSTEM_H

#include "config/config.h"

/* Returns true if connections of this configuration are dialed with Fast Open: as TLS client,
 * through the relay. Nothing secret may go into a SYN, and our data has to go there before the
 * peer's. */
bool fast_open_wanted(const struct config_connection *connection);

/* SYSCTL is the text of /proc/sys/net/ipv4/tcp_fastopen. Returns NULL if it allows Fast Open for
 * connections that this side dials, or accepts; otherwise one sentence with the remedy. */
const char *fast_open_forbidden(const char *sysctl, enum config_dialer dialer);

/* The same for the present setting of this system. */
const char *fast_open_forbidden_here(enum config_dialer dialer);

#endif
