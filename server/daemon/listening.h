/* The listeners of a generation: opened, taken over from the service manager, or kept from the
 * generation before, so that no moment passes without a listener. */
#ifndef ACTPASS_SERVER_LISTENING_H
#define ACTPASS_SERVER_LISTENING_H

#include "server/daemon/kept.h"

/* Gives each service that listens its listeners, all or none. False, with the reasons added to the
 * errors: the generation has listeners that it was given until then. The accept thread does not
 * change the listeners of `before` meanwhile. */
bool listening_open(struct generation *generation, const struct listening_sources *sources,
                    struct config_report *report);

/* Sets the options of the service's sockets that the configuration chooses. Returns 0, or an errno:
 * TCP Fast Open is not available. Accept thread. */
int listening_tune(struct service *service);

/* Closes all sockets. Accept thread. */
void listening_shut(struct generation *generation);

/* Logs event=listening for each address of each service. */
void listening_log(const struct generation *generation, struct log *log);

#endif
