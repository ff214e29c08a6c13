/* Visits the values of a configuration. Any thread. */
#ifndef ACTPASS_CONFIG_VISIT_H
#define ACTPASS_CONFIG_VISIT_H

#include "config/config.h"
#include "config/keys.h"

/* BASE is the structure that the key stores its value in. */
typedef void config_visitor(const struct key *key, const void *base, void *arg);

/* Calls VISIT for each key of each object of the configuration, written or not, except for keys
 * that store nothing and for the objects themselves. */
void config_visit(const struct config *config, config_visitor *visit, void *arg);

#endif
