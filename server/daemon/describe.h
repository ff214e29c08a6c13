/* What a configuration does, in plain words. */
#ifndef ACTPASS_SERVER_DESCRIBE_H
#define ACTPASS_SERVER_DESCRIBE_H

#include "config/config.h"

#include <stdio.h>

/* Writes a few lines for each service of a good configuration. Errors of the stream are left to the
 * caller. */
void describe_config(FILE *out, const struct config *config);

#endif
