/* From a configuration file to a generation, with all that its services need but their listeners.
 */
#ifndef ACTPASS_SERVER_LOAD_H
#define ACTPASS_SERVER_LOAD_H

#include "server/daemon/state.h"

/* Reads FILE, and checks it and the files that it names, and whether the sandbox in which we are
 * (NULL: none) lets it. Initialises the report. NULL: it has errors. */
struct config *load_config(const char *file, const struct sandbox *sandbox,
                           struct config_report *report);

/* Loads the services of a configuration, which is taken, also on failure. BEFORE is the generation
 * that it follows: services of the same name go on counting the connections of that; NULL: none.
 * NULL, with the reasons in the report. Any thread. */
struct generation *load_generation(const struct server *server, struct config *config,
                                   const struct generation *before, struct config_report *report);

/* Begins what the services' settings do in the background (parsed_start). Not before the process
 * has confined itself. */
void load_start(const struct generation *generation);

/* Makes the files that the services write to: not part of a load, so that --check leaves nothing
 * behind. False, with the reasons in the report. */
bool load_make_files(const struct generation *generation, struct config_report *report);

/* Gives the services their counters, which stay also if the name never comes again: the last step
 * of a load, so that one that fails leaves nothing. False, with the reason in the report. */
bool load_stats(const struct server *server, const struct generation *generation,
                struct config_report *report);

#endif
