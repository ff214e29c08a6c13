/* Looks up members of an object. */
#ifndef ACTPASS_CONFIG_PLACE_H
#define ACTPASS_CONFIG_PLACE_H

#include "config/scan.h"

/* The member of that name, or the unknown one that was taken for it; NULL if there is none, also
 * where the place is NULL or no object. */
struct place *place_find(const struct place *place, const char *name);

#endif
