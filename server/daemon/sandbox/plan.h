/* What a process with a configuration needs of the system once it runs. Pure data, made of the
 * configuration and of what is at its paths now: no other module of the sandbox looks at a
 * configuration. */
#ifndef ACTPASS_SERVER_SANDBOX_PLAN_H
#define ACTPASS_SERVER_SANDBOX_PLAN_H

#include "config/config.h"
#include "server/daemon/sandbox/paths.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plan {
    struct paths allowed;     /* absolute, without symbolic links; some may not be there */
    struct paths named;       /* the files and folders that the configuration names */
    uint8_t ports[65536 / 8]; /* bits: TCP ports to connect to */
    bool names;               /* host names are resolved */
    bool abstract;            /* abstract unix sockets are connected to */
    bool file_modes;          /* files of unix sockets get a mode, an owner or a group */
    bool accounts;            /* of these, names of users or groups are looked up */
    bool fast_open;           /* connections are dialed with TCP Fast Open */
};

/* Fills the plan for a configuration that was read from FILE. False: out of memory; in both cases
 * the caller frees it with plan_free. */
bool plan_make(struct plan *plan, const struct config *config, const char *file);
void plan_free(struct plan *plan); /* what it holds, not itself */

bool plan_has_port(const struct plan *plan, uint16_t port);
bool plan_has_all_ports(const struct plan *plan); /* from 1 on */

#endif
