#include "server/daemon/sandbox/user.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NO_ID = UINT32_MAX }; /* (uid_t)-1 stands for none in the system's calls */

/* ---- Look up -------------------------------------------------------------------------------- */

bool user_parse_id(const char *text, unsigned *id)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    *id = (unsigned)number;
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && number < NO_ID;
}

static bool fail_unknown(const char *what, const char *name, struct error_text *error)
{
    return error_set(error,
                     "there is no %s \"%s\" on this system: make it, or name another "
                     "(\"%s\" in the configuration)",
                     what, name, what);
}

static bool find_group(const char *name, gid_t *gid, struct error_text *error)
{
    unsigned id;
    const struct group *group = getgrnam(name); /* no other thread runs yet */
    if (!group && !user_parse_id(name, &id))
        return fail_unknown("group", name, error);
    *gid = group ? group->gr_gid : id;
    return true;
}

static const struct passwd *find_account(const char *name)
{
    unsigned id;
    const struct passwd *account = getpwnam(name);
    return !account && user_parse_id(name, &id) ? getpwuid(id) : account;
}

bool user_find(const char *user, const char *group, struct user *found, struct error_text *error)
{
    unsigned id = 0;
    const struct passwd *account = find_account(user);
    if (!account && (!user_parse_id(user, &id) || !group))
        return user_parse_id(user, &id)
                   ? error_set(error, "user %s has no name here and so no group: add \"group\"",
                               user)
                   : fail_unknown("user", user, error);
    found->keeps_net_raw = false;
    (void)snprintf(found->name, sizeof(found->name), "%s", account ? account->pw_name : user);
    found->uid = account ? account->pw_uid : id;
    found->gid = account ? account->pw_gid : 0;
    if (group && !find_group(group, &found->gid, error))
        return false;
    return found->uid != 0 ||
           error_set(error, "\"user\" must be another one than root: make one for actpass");
}

/* ---- Become --------------------------------------------------------------------------------- */

static bool is_user(const struct user *user)
{
    uid_t real, effective, saved;
    return getresuid(&real, &effective, &saved) == 0 && real == user->uid &&
           effective == user->uid && saved == user->uid;
}

/* The number of a user without a name has no other groups. */
static bool take_groups(const struct user *user)
{
    unsigned id;
    return user_parse_id(user->name, &id) ? setgroups(0, NULL) == 0
                                          : initgroups(user->name, user->gid) == 0;
}

/* The rights of this thread, and of those that it starts: CAP_NET_RAW, and no other. */
static bool restrict_to_net_raw(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {{.effective = 0}};
    sets[0].effective = sets[0].permitted = 1U << CAP_NET_RAW;
    return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) == 0 && syscall(SYS_capset, &header, sets) == 0;
}

static bool set_ids(const struct user *user)
{
    if (user->keeps_net_raw && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
        return false;
    return take_groups(user) && setresgid(user->gid, user->gid, user->gid) == 0 &&
           setresuid(user->uid, user->uid, user->uid) == 0 &&
           (!user->keeps_net_raw || restrict_to_net_raw());
}

bool user_become(const struct user *user, struct error_text *error)
{
    char reason[128];
    if (is_user(user))
        return true;
    if (geteuid() != 0)
        return error_set(error,
                         "only root can become user \"%s\": start actpass as root or as this "
                         "user, or remove \"user\"",
                         user->name);
    if (!set_ids(user))
        return error_set(error, "cannot become user \"%s\": %s", user->name,
                         strerror_r(errno, reason, sizeof(reason)));
    return (setresuid(0, 0, 0) != 0 && is_user(user)) ||
           error_set(error, "user \"%s\" could become root again: check its capabilities",
                     user->name);
}
