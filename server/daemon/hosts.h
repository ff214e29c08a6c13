/* Are the hosts known that services connect to? */
#ifndef ACTPASS_SERVER_HOSTS_H
#define ACTPASS_SERVER_HOSTS_H

#include "config/config.h"

/* Looks up the names in "forward" and "dial" for a few seconds in all, and warns of those that are
 * not found. CONFIG still knows its origin. */
void hosts_check(const struct config *config, struct config_report *report);

#endif
