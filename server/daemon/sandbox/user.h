/* Whom to become once what only root may open is open. */
#ifndef ACTPASS_SERVER_SANDBOX_USER_H
#define ACTPASS_SERVER_SANDBOX_USER_H

#include "config/error_text.h"

#include <stdbool.h>
#include <sys/types.h>

struct user {
    char name[256]; /* as the system knows the user; a number that it does not know stays one */
    uid_t uid;
    gid_t gid;
    bool keeps_net_raw; /* and CAP_NET_RAW, of all that root may */
};

/* Reads the number of a user or a group. False: it is none. */
bool user_parse_id(const char *text, unsigned *id);

/* Looks both up, each a name or a number. GROUP may be NULL: the user's own. False with ERROR. */
bool user_find(const char *user, const char *group, struct user *found, struct error_text *error);

/* Makes all threads those of that user, with its groups, for good. Does nothing if that is who we
 * are. False with ERROR. */
bool user_become(const struct user *user, struct error_text *error);

#endif
