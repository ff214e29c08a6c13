/* Whom to become. */
#include "server/daemon/sandbox/user.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void fails_with(const char *name, const char *group, const char *words)
{
    struct user user;
    struct error_text error = {.text = ""};
    cr_assert_not(user_find(name, group, &user, &error), "%s", name);
    cr_assert(strstr(error.text, words), "%s", error.text);
}

Test(user, by_name_and_by_number)
{
    struct user user;
    struct error_text error = {.text = ""};
    cr_assert(user_find("nobody", NULL, &user, &error), "%s", error.text);
    cr_assert_eq(user.uid, 65534);
    cr_assert_eq(user.gid, 65534);
    cr_assert(user_find("65534", "daemon", &user, &error), "%s", error.text);
    cr_assert_str_eq(user.name, "nobody");
    cr_assert_eq(user.gid, 1);
    cr_assert(user_find("54321", "54322", &user, &error), "%s", error.text);
    cr_assert_str_eq(user.name, "54321");
    cr_assert_eq(user.uid, 54321);
    cr_assert_eq(user.gid, 54322);
}

Test(user, wrong_ones)
{
    fails_with("no-such-user", NULL, "there is no user \"no-such-user\"");
    fails_with("nobody", "no-such-group", "there is no group \"no-such-group\"");
    fails_with("54321", NULL, "add \"group\"");
    fails_with("4294967295", "1", "there is no user");
    fails_with("99999999999999999999", "1", "there is no user");
    fails_with("root", NULL, "another one than root");
    fails_with("0", NULL, "another one than root");
}

/* 0: became the user, with no other group, and cannot open what is root's. */
static int become(const struct user *user)
{
    struct error_text error = {.text = ""};
    gid_t groups[64];
    if (!user_become(user, &error))
        return 1;
    int count = getgroups(64, groups);
    for (int i = 0; i < count; i++)
        if (groups[i] != user->gid)
            return 2;
    if (getuid() != user->uid || getegid() != user->gid || setuid(0) == 0)
        return 3;
    if (!user_become(user, &error)) /* what we are already */
        return 4;
    return open("/etc/shadow", O_RDONLY | O_CLOEXEC) < 0 ? 0 : 5;
}

static int status_of_child(const struct user *user)
{
    int status;
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0)
        _exit(become(user));
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(user, root_becomes_another_for_good)
{
    struct user user;
    struct error_text error = {.text = ""};
    if (geteuid() != 0)
        cr_skip("only root can become another user");
    cr_assert(user_find("nobody", NULL, &user, &error));
    cr_assert_eq(status_of_child(&user), 0);
    cr_assert(user_find("54321", "54322", &user, &error));
    cr_assert_eq(status_of_child(&user), 0);
}

Test(user, others_cannot)
{
    struct user user;
    struct error_text error = {.text = ""};
    cr_assert(user_find("nobody", NULL, &user, &error));
    cr_assert(geteuid() != 0 || user_become(&user, &error));
    cr_assert(user_find("daemon", NULL, &user, &error));
    cr_assert_not(user_become(&user, &error));
    cr_assert(strstr(error.text, "start actpass as root"), "%s", error.text);
}
