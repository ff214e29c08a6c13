/* What follows from several keys, filled in after reading and before the checks, which then only
 * look: the role of a service that dials, the key in its certificate's file, and the
 * handler that is set for both roles. */
#ifndef ACTPASS_CONFIG_NORMALIZE_H
#define ACTPASS_CONFIG_NORMALIZE_H

#include "config/document.h"
#include "config/messages.h"

/* The services in CONFIG are those under "services" in ROOT, one for one. Reports only what is
 * wrong with the keys of handlers, which are read here. */
void normalize_config(struct messages *messages, const struct place *root, struct config *config);

#endif
