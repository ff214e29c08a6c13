#include "server/daemon/spawner/account.h"

#include "server/daemon/sandbox/user.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Look up ------------------------------------------------------------------------------- */

static bool fail_memory(struct error_text *error)
{
    return error_set_code(error, ERROR_NO_MEMORY, "out of memory for a user");
}

static bool describe(struct account *account, struct error_text *error)
{
    const struct passwd *known = getpwuid(account->uid); /* no other thread runs */
    account->name = strdup(known ? known->pw_name : "");
    account->home = strdup(known ? known->pw_dir : "");
    account->shell = strdup(known ? known->pw_shell : "");
    return (account->name && account->home && account->shell) || fail_memory(error);
}

static bool find_groups(struct account *account, struct error_text *error)
{
    int count = 0;
    if (account->name[0] == '\0')
        return true; /* the number of a user without a name has no other groups */
    (void)getgrouplist(account->name, account->gid, NULL, &count); /* how many there are */
    account->groups = calloc((size_t)count + 1, sizeof(gid_t));
    if (!account->groups)
        return fail_memory(error);
    if (getgrouplist(account->name, account->gid, account->groups, &count) < 0)
        return error_set(error, "the groups of user \"%s\" cannot be found", account->name);
    account->group_count = (size_t)count;
    return true;
}

/* Unlike for the daemon itself, root may be meant: for login(1), for example. */
static bool look_up(struct account *account, const char *user, const char *group,
                    struct error_text *error)
{
    struct user found = {.uid = 0};
    const char *looked = strcmp(user, "root") == 0 || strcmp(user, "0") == 0 ? NULL : user;
    const struct group *named = group && !looked ? getgrnam(group) : NULL;
    if (looked && !user_find(user, group, &found, error))
        return false;
    if (group && !looked && !named)
        return error_set(error, "there is no group \"%s\" on this system", group);
    account->uid = looked ? found.uid : 0;
    account->gid = looked ? found.gid : (named ? named->gr_gid : 0);
    return true;
}

bool account_find(struct account *account, const char *user, const char *group,
                  struct error_text *error)
{
    *account = (struct account){.uid = geteuid(), .gid = getegid()};
    if (user && !look_up(account, user, group, error))
        return false;
    account->change = account->uid != geteuid() || account->gid != getegid();
    if (account->change && geteuid() != 0)
        return error_set(error,
                         "only root can run a program as user \"%s\": start actpass as root, or "
                         "remove \"user\"",
                         user);
    return describe(account, error) && (!account->change || find_groups(account, error));
}

void account_free(struct account *account)
{
    free(account->groups);
    free(account->name);
    free(account->home);
    free(account->shell);
}

/* ---- Become -------------------------------------------------------------------------------- */

int account_become(const struct account *account)
{
    if (!account->change)
        return 0;
    bool done = setgroups(account->group_count, account->groups) == 0 &&
                setresgid(account->gid, account->gid, account->gid) == 0 &&
                setresuid(account->uid, account->uid, account->uid) == 0;
    return done ? 0 : errno;
}

/* ---- May it -------------------------------------------------------------------------------- */

enum { TRIED_WELL, TRIED_PROGRAM, TRIED_FOLDER, TRIED_USER };

static int attempt(const char *program, const char *folder)
{
    if (faccessat(AT_FDCWD, program, X_OK, AT_EACCESS) != 0)
        return TRIED_PROGRAM;
    return faccessat(AT_FDCWD, folder, X_OK, AT_EACCESS) == 0 ? TRIED_WELL : TRIED_FOLDER;
}

/* In a process of its own, which becomes that user: only this knows all rules of the system. */
static int attempt_as(const struct account *account, const char *program, const char *folder)
{
    int status = 0;
    pid_t ended;
    pid_t child = fork();
    if (child == 0)
        _exit(account_become(account) == 0 ? attempt(program, folder) : TRIED_USER);
    if (child < 0)
        return TRIED_USER;
    do {
        ended = waitpid(child, &status, 0);
    } while (ended < 0 && errno == EINTR);
    return ended == child && WIFEXITED(status) ? WEXITSTATUS(status) : TRIED_USER;
}

bool account_may_run(const struct account *account, const char *program, const char *folder,
                     struct error_text *error)
{
    switch (account->change ? attempt_as(account, program, folder) : attempt(program, folder)) {
    case TRIED_WELL:
        return true;
    case TRIED_PROGRAM:
        return error_set(error, "user \"%s\" may not execute %s, or a folder above it",
                         account->name, program);
    case TRIED_FOLDER:
        return error_set(error, "user \"%s\" may not use the folder %s", account->name, folder);
    default:
        return error_set(error, "the process cannot become user \"%s\" to try what it may",
                         account->name);
    }
}
