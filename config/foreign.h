/* Keys of other programs (stunnel, HAProxy, nginx, hitch, ghostunnel), and ours for the same thing.
 * Constant data. */
#ifndef ACTPASS_CONFIG_FOREIGN_H
#define ACTPASS_CONFIG_FOREIGN_H

#include "config/keys.h"

struct foreign_key {
    const char *name;
    const struct key_object *object; /* where our key is; NULL: there is none */
    const char *key;                 /* ours; NULL: none */
    const char *advice;              /* one or more sentences; NULL: none */
};

/* NULL: the name is of no other program that we know. Case counts as little as - for _. */
const struct foreign_key *foreign_find(const char *name);

#endif
