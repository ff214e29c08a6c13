/* As whom a program runs. */
#ifndef ACTPASS_SERVER_SPAWNER_ACCOUNT_H
#define ACTPASS_SERVER_SPAWNER_ACCOUNT_H

#include "config/error_text.h"

#include <stdbool.h>
#include <sys/types.h>

struct account {
    bool change; /* it is another user than ours */
    uid_t uid;
    gid_t gid;
    gid_t *groups; /* the supplementary ones, if there is a change */
    size_t group_count;
    char *name, *home, *shell; /* "" where the system knows none */
};

/* Looks them up, each a name or a number. USER: NULL: the process's own. GROUP: NULL: the user's.
 * False with ERROR; in both cases the caller frees it with account_free. */
bool account_find(struct account *account, const char *user, const char *group,
                  struct error_text *error);
void account_free(struct account *account); /* what it holds, not itself */

/* Becomes that user for good. Returns 0, or an errno. Only system calls, so also after a fork. */
int account_become(const struct account *account);

/* May it execute PROGRAM, and begin in FOLDER? False with ERROR. Forks if it is another user. */
bool account_may_run(const struct account *account, const char *program, const char *folder,
                     struct error_text *error);

#endif
