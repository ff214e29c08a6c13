/* Where a proxy may connect to: its "allow", parsed. Constant once made; any thread. */
#ifndef ACTPASS_SERVER_PROXY_RULES_H
#define ACTPASS_SERVER_PROXY_RULES_H

#include "config/config.h"
#include "server/lib/base/error.h"

#include <stdbool.h>
#include <sys/socket.h>

struct proxy_rules;

/* NULL with ERROR. */
struct proxy_rules *proxy_rules_new(const struct config_strings *allow, struct error_text *error);
void proxy_rules_free(struct proxy_rules *rules); /* NULL is fine */

/* Is the name, or "*", allowed with this port? An address is no name (NULL). */
bool proxy_rules_have_name(const struct proxy_rules *rules, const char *name, uint16_t port);

/* May it be resolved, since it, or a network with this port, is allowed? */
bool proxy_rules_may_dial(const struct proxy_rules *rules, const char *name, uint16_t port);

/* May this address be dialed? BY_NAME: what proxy_rules_have_name has said. That does for no
 * loopback, link-local, unspecified, multicast or broadcast address: those need a network. */
bool proxy_rules_have_address(const struct proxy_rules *rules, const struct sockaddr *address,
                              uint16_t port, bool by_name);

#endif
