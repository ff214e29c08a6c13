/* Liveness: TCP notices a peer that is gone without a word, such as a device whose power was cut.
 *
 * TCP asks a silent peer for a sign of life (SO_KEEPALIVE), and gives up a peer that does not
 * acknowledge data (TCP_USER_TIMEOUT, RFC 5482), each after idle + interval * probes. Linux does
 * not probe as long as data is on its way, and with TCP_USER_TIMEOUT does not count probes, so
 * that the time is the same in both cases. It also gives up a peer whose window is closed for so
 * long, even if that peer answers. */
#ifndef ACTPASS_SERVER_LIB_KEEPALIVE_H
#define ACTPASS_SERVER_LIB_KEEPALIVE_H

#include "config/config.h"

/* Is a connection that DIALER has made watched? */
bool keepalive_is_on(const struct config_keepalive *keepalive, enum config_dialer dialer);

/* How long a peer may be silent, in seconds, if it is watched. */
int keepalive_seconds(const struct config_keepalive *keepalive);

/* Sets the options of a socket. One that is not TCP is left as it is. Returns 0, or an errno. */
int keepalive_set(int fd, const struct config_keepalive *keepalive);

#endif
