/* From where connections are made, against what the system allows: "source", "dial_source". */
#ifndef ACTPASS_SERVER_SOURCES_H
#define ACTPASS_SERVER_SOURCES_H

#include "config/config.h"

/* Does the configuration want what takes CAP_NET_RAW: a mark, or the client's address? */
bool sources_need_net_raw(const struct config *config);

/* Tries each source. DENIED is the severity of what lacks a right, which becomes no better while
 * the process runs; an address or an interface that is not there is a warning, since it may come.
 * Any thread. */
void sources_check(const struct config *config, enum config_severity denied,
                   struct config_report *report);

#endif
