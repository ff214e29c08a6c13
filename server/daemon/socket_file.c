#include "server/daemon/socket_file.h"

#include "server/daemon/sandbox/user.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { MODE = 0660 };

/* ---- Bind ------------------------------------------------------------------------------------ */

/* Is this a socket's file on which no program listens any more? Only then may it be removed. */
static bool is_stale(const struct sockaddr *where, socklen_t size, const char *path)
{
    struct stat file;
    if (lstat(path, &file) != 0 || !S_ISSOCK(file.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool refused = connect(fd, where, size) != 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

/* The mode is set before the file is there, so nobody can connect in between; the process's umask
 * still takes away from it. */
static int bind_once(int fd, const struct sockaddr *where, socklen_t size)
{
    return fchmod(fd, MODE) == 0 && bind(fd, where, size) == 0 ? 0 : errno;
}

static int bind_path(int fd, const struct sockaddr *where, socklen_t size, const char *path)
{
    int failed = bind_once(fd, where, size);
    if (failed != EADDRINUSE || path[0] == '\0')
        return failed;
    if (!is_stale(where, size, path) || unlink(path) != 0)
        return EADDRINUSE;
    return bind_once(fd, where, size);
}

/* ---- Mode, owner and group ------------------------------------------------------------------- */

/* Inside the sandbox a list of accounts that was exchanged since the start cannot be read, which
 * the C library does not tell from a name that is not there. */
static bool may_read(const char *list)
{
    int fd = open(list, O_RDONLY | O_CLOEXEC);
    bool refused = fd < 0 && errno == EACCES;
    if (fd >= 0)
        close(fd);
    return !refused;
}

static bool fail_unknown(const char *what, const char *name, const char *list,
                         struct error_text *error)
{
    if (!may_read(list))
        return error_set(error,
                         "the %s \"%s\" cannot be looked up inside the sandbox: write its number, "
                         "or restart actpass",
                         what, name);
    return error_set(error, "there is no %s \"%s\" on this system: make it, or name another", what,
                     name);
}

static bool find_owner(const char *name, uid_t *uid, struct error_text *error)
{
    char room[4096];
    struct passwd account;
    struct passwd *found = NULL;
    unsigned id = UINT32_MAX; /* stands for "no change" in chown(2) */
    if (name && !user_parse_id(name, &id)) {
        (void)getpwnam_r(name, &account, room, sizeof(room), &found);
        if (!found)
            return fail_unknown("user", name, "/etc/passwd", error);
        id = found->pw_uid;
    }
    *uid = id;
    return true;
}

static bool find_group(const char *name, gid_t *gid, struct error_text *error)
{
    char room[16384]; /* a group's members are in it */
    struct group group;
    struct group *found = NULL;
    unsigned id = UINT32_MAX;
    if (name && !user_parse_id(name, &id)) {
        (void)getgrnam_r(name, &group, room, sizeof(room), &found);
        if (!found)
            return fail_unknown("group", name, "/etc/group", error);
        id = found->gr_gid;
    }
    *gid = id;
    return true;
}

static bool fail(struct error_text *error, const char *what)
{
    int failed = errno;
    return error_set(error, "cannot set the %s of its file: %s%s", what, strerror(failed),
                     failed == EPERM ? ": only root may, and only at the start" : "");
}

/* Owner and group first: who gets the file may use it only with the mode that it is to have. They
 * may put a link to another file in its place by then, which is not followed. */
static bool set_rights(const char *path, const struct config_socket_file *file,
                       struct error_text *error)
{
    uid_t uid = 0;
    gid_t gid = 0;
    unsigned mode;
    if (!find_owner(file->owner, &uid, error) || !find_group(file->group, &gid, error))
        return false;
    if ((file->owner || file->group) && lchown(path, uid, gid) != 0)
        return fail(error, file->owner ? "owner" : "group");
    if (file->mode && config_mode_parse(file->mode, &mode) &&
        fchmodat(AT_FDCWD, path, (mode_t)mode, AT_SYMLINK_NOFOLLOW) != 0)
        return fail(error, "mode");
    return true;
}

int socket_file_bind(int fd, const struct sockaddr *where, socklen_t size,
                     const struct config_socket_file *file, struct error_text *error)
{
    const char *path = ((const struct sockaddr_un *)(const void *)where)->sun_path;
    int failed = bind_path(fd, where, size, path);
    if (failed != 0 || path[0] == '\0' || set_rights(path, file, error))
        return failed;
    (void)unlink(path);
    return EPERM;
}
