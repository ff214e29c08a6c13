/* The sockets that a configuration listens on, one by one. */
#ifndef ACTPASS_CONFIG_CHECK_LISTEN_H
#define ACTPASS_CONFIG_CHECK_LISTEN_H

#include "config/document.h"

/* PLACE is where the address is written; a range of ports is one address for each. */
typedef void listen_visitor(struct place *place, const struct config_address *address, void *arg);

/* Each socket of "listen" and "listen_plain" of all SERVICES, but for port 0, which is a new one
 * each time. */
void check_each_listen(const struct place *services, const struct config *config,
                       listen_visitor *visitor, void *arg);

#endif
