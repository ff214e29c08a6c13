/* Variables in strings: "${env:NAME}" and "${file:PATH}". */
#ifndef ACTPASS_CONFIG_VARIABLES_H
#define ACTPASS_CONFIG_VARIABLES_H

#include "config/messages.h"

/* Replaces the variables in all strings below the place, but not in keys, and "$${" by "${". A path
 * counts from the folder of its file. The place of a string in which there was a variable keeps
 * what the user wrote (place->written). */
void variables_expand(struct messages *messages, struct place *place);

#endif
