/* What the log says of a reload: event=reload. For the thread that reloads. */
#ifndef ACTPASS_SERVER_RELOAD_LOG_H
#define ACTPASS_SERVER_RELOAD_LOG_H

#include "server/daemon/log.h"
#include "server/daemon/swap.h"

/* One line for each service: what has become of it, and of its listener. Before these the warnings
 * about the configuration, and the keys whose change is ignored. */
void reload_log_done(struct log *log, const struct change *change,
                     const struct config_strings *warnings);

/* One line for each error. */
void reload_log_failed(struct log *log, const struct config_strings *errors);

/* event=files: what has changed in the files of a service was loaded, or could not be. */
void reload_log_refreshed(struct log *log, struct service *service);
void reload_log_not_refreshed(struct log *log, const struct service *service, const char *error);

/* Warnings of a load: event=configuration. */
void reload_log_warnings(struct log *log, const struct config_strings *warnings);

#endif
