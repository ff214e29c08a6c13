/* The server as main uses it: load, listen, run, stop; actpass.h declares the rest of its
 * functions. server/README.md describes the parts and the threads. */
#ifndef ACTPASS_SERVER_SERVER_H
#define ACTPASS_SERVER_SERVER_H

#include "config/config.h"
#include "server/include/actpass.h"

#include <stdbool.h>

/* Reads FILE and loads what it names, including certificates; opens no socket. Initialises *REPORT,
 * adds all errors and warnings to it, and leaves it to the caller to free. NULL if there are
 * errors. */
actpass_server *server_load(const char *file, struct config_report *report);

/* Opens all listeners. If one fails, closes the others, adds the reasons to the report's errors and
 * returns false. */
bool server_listen(actpass_server *server, struct config_report *report);

/* Logs the counters so far, in total and for each service. Any thread. */
void server_log_status(actpass_server *server);

#endif
