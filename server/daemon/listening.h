/* The listeners of a generation: opened, taken over from the service manager, or kept from the
 * generation before, so that no moment passes without a listener. */
#ifndef ACTPASS_SERVER_LISTENING_H
#define ACTPASS_SERVER_LISTENING_H

#include "server/daemon/generation.h"
#include "server/daemon/handed.h"
#include "server/daemon/inherited.h"

/* Where listeners may come from that are not opened; each may be NULL. */
struct listening_sources {
    const struct generation *before; /* the running one, which is to be replaced */
    struct inherited *inherited;     /* from the service manager */
    struct handed *handed;           /* from the process that this one replaces */
    int cancel_fd;                   /* readable: names are not looked up any more; -1: never */
};

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
