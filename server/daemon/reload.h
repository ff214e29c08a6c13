/* The reload of the configuration, for those who want to know what is wrong with it. */
#ifndef ACTPASS_SERVER_RELOAD_H
#define ACTPASS_SERVER_RELOAD_H

#include "config/config.h"

struct server;

/* See server_reload. Initialises *REPORT, which then has all errors and warnings, and which the
 * caller frees. False: nothing has changed. */
bool reload_run(struct server *server, struct config_report *report);

#endif
