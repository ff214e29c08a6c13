/* The programs of a configuration ("exec"), each with all that starting it needs. */
#ifndef ACTPASS_SERVER_SPAWNER_COMMAND_LIST_H
#define ACTPASS_SERVER_SPAWNER_COMMAND_LIST_H

#include "config/config.h"
#include "server/daemon/spawner/account.h"

struct command {
    uint64_t key; /* command_key */
    const struct config_exec *exec;
    char **arguments; /* its command, which ends with NULL */
    struct account account;
    uint64_t max; /* as many connections as its services may have: so many programs at once */
};

struct command_list {
    struct command *items;
    size_t count;
    struct config *config; /* that they point into; NULL: the caller's */
};

/* A number that is another one if anything in it is: by this the daemon names a program. */
uint64_t command_key(const struct config_exec *exec);

/* Has the configuration any "exec"? */
bool command_list_wanted(const struct config *config);

/* Makes those of a configuration, which stays the caller's. What is wrong with users and rights is
 * added to the REPORT, at its place if the configuration knows its origin. NULL: something
 * is wrong, or memory is short (also in the report). Looks up users, and forks: while no other
 * thread runs. */
struct command_list *command_list_new(const struct config *config, struct config_report *report);
void command_list_free(struct command_list *commands); /* and its configuration; accepts NULL */

/* NULL: there is none of this key, or COMMANDS is NULL. */
const struct command *command_list_find(const struct command_list *commands, uint64_t key);

#endif
