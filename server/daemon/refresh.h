/* Certificates, keys, CAs, CRLs and OCSP responses that change in their files are loaded without a
 * signal. A service whose files do not fit each other, or cannot be read, keeps what it has, and is
 * tried again at their next change, and every minute. For the thread that reloads. */
#ifndef ACTPASS_SERVER_REFRESH_H
#define ACTPASS_SERVER_REFRESH_H

#include "server/daemon/state.h"

/* Watches the files of GENERATION's services, instead of those of before. Adds a warning if that is
 * not possible. Logs nothing. */
void refresh_begin(struct server *server, const struct generation *generation,
                   struct config_strings *warnings);

/* A descriptor to poll, another one after a reload; -1: none. Call refresh_run when it is readable,
 * and at the time that refresh_run returns: it looks at the files a second after something has
 * happened in their folders. */
int refresh_fd(const struct server *server);
int64_t refresh_run(struct server *server);

#endif
