/* What Landlock refuses. Each attempt is made in a child, which alone is restricted. */
#include "server/daemon/sandbox/landlock.h"

#include "server/daemon/sandbox/process.h"
#include "tests/unit/test_config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

/* 0, or the errno of what the child attempted under the plan. */
static int error_of(const struct plan *plan, int (*attempt)(const char *path), const char *path)
{
    int status;
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        int error = process_renounce();
        if (error == 0)
            error = landlock_restrict(plan, landlock_abi());
        if (error != 0)
            _exit(255);
        errno = 0;
        _exit(attempt(path) < 0 ? errno : 0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status), "%d", status);
    cr_assert_neq(WEXITSTATUS(status), 255, "cannot restrict");
    return WEXITSTATUS(status);
}

static void need_landlock(int abi)
{
    if (landlock_abi() < abi)
        cr_skip("this kernel has no Landlock, or an older one");
}

static struct plan plan_with(const char *path, unsigned access)
{
    struct plan plan = {.names = false};
    char *real = realpath(path, NULL);
    cr_assert_not_null(real);
    cr_assert(paths_add(&plan.allowed, real, access));
    free(real);
    return plan;
}

static int attempt_read(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC);
}

static int attempt_change(const char *path)
{
    return open(path, O_WRONLY | O_CLOEXEC | O_TRUNC);
}

static int attempt_make(const char *path)
{
    return open(path, O_WRONLY | O_CLOEXEC | O_CREAT, 0600);
}

static int attempt_rename(const char *path)
{
    return rename(path, "folder/other");
}

static int attempt_folder(const char *path)
{
    return mkdir(path, 0700);
}

static int attempt_execute(const char *path)
{
    char *const arguments[] = {(char *)path, NULL};
    return execve(path, arguments, NULL);
}

static int attempt_socket(const char *path)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)snprintf(where.sun_path, sizeof(where.sun_path), "%s", path);
    return bind(fd, (const struct sockaddr *)&where, sizeof(where));
}

static int attempt_connect(const char *port)
{
    struct sockaddr_in where = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(fd, (const struct sockaddr *)&where, sizeof(where));
}

static int attempt_kill(const char *pid)
{
    return kill((pid_t)strtol(pid, NULL, 10), 0);
}

Test(landlock, reading, .init = folder_enter, .fini = folder_leave)
{
    need_landlock(1);
    struct plan plan = plan_with("folder", PATHS_READ);
    make_file("folder/a", 0600, "a");
    cr_assert_eq(error_of(&plan, attempt_read, "folder/a"), 0);
    cr_assert_eq(error_of(&plan, attempt_read, "folder"), 0);
    cr_assert_eq(error_of(&plan, attempt_read, "peer.pem"), EACCES);
    cr_assert_eq(error_of(&plan, attempt_read, "/etc/passwd"), EACCES);
    cr_assert_eq(error_of(&plan, attempt_change, "folder/a"), EACCES);
    cr_assert_eq(error_of(&plan, attempt_make, "folder/b"), EACCES);
    plan_free(&plan);
    (void)unlink("folder/a");
}

Test(landlock, one_file, .init = folder_enter, .fini = folder_leave)
{
    need_landlock(1);
    struct plan plan = plan_with("peer.pem", PATHS_READ | PATHS_WRITE | PATHS_SOCKETS);
    cr_assert_eq(error_of(&plan, attempt_read, "peer.pem"), 0);
    cr_assert_eq(error_of(&plan, attempt_read, "ca.pem"), EACCES);
    plan_free(&plan);
}

Test(landlock, writing, .init = folder_enter, .fini = folder_leave)
{
    need_landlock(LANDLOCK_ABI_TRUNCATE);
    struct plan plan = plan_with("folder", PATHS_READ | PATHS_WRITE);
    make_file("folder/a", 0600, "a");
    cr_assert_eq(error_of(&plan, attempt_change, "folder/a"), 0);
    cr_assert_eq(error_of(&plan, attempt_make, "folder/b"), 0);
    cr_assert_eq(error_of(&plan, attempt_rename, "folder/b"), 0);
    cr_assert_eq(error_of(&plan, attempt_folder, "folder/c"), EACCES);
    cr_assert_eq(error_of(&plan, attempt_socket, "folder/s"), EACCES);
    cr_assert_eq(error_of(&plan, attempt_make, "b"), EACCES);
    plan_free(&plan);
    cr_assert_eq(unlink("folder/a") | unlink("folder/other"), 0);
}

Test(landlock, sockets, .init = folder_enter, .fini = folder_leave)
{
    need_landlock(1);
    struct plan plan = plan_with("folder", PATHS_SOCKETS);
    cr_assert_eq(error_of(&plan, attempt_socket, "folder/s"), 0);
    cr_assert_eq(error_of(&plan, attempt_socket, "s"), EACCES);
    cr_assert_eq(error_of(&plan, attempt_make, "folder/b"), EACCES);
    plan_free(&plan);
    (void)unlink("folder/s");
}

Test(landlock, nothing_is_executed)
{
    need_landlock(1);
    struct plan plan = plan_with("/usr", PATHS_READ);
    cr_assert_eq(error_of(&plan, attempt_execute, "/usr/bin/true"), EACCES);
    plan_free(&plan);
}

/* A socket that listens on a port that the system chose, written to TEXT. */
static int listen_anywhere(char text[8])
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(where);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&where, length), 0);
    cr_assert_eq(listen(fd, 4) | getsockname(fd, (struct sockaddr *)&where, &length), 0);
    (void)snprintf(text, 8, "%u", ntohs(where.sin_port));
    return fd;
}

Test(landlock, connecting)
{
    need_landlock(LANDLOCK_ABI_CONNECT);
    struct plan plan = {.names = false};
    char planned[8], other[8];
    int fds[] = {listen_anywhere(planned), listen_anywhere(other)};
    unsigned port = (unsigned)strtoul(planned, NULL, 10);
    plan.ports[port / 8] = (uint8_t)(1U << (port % 8));
    cr_assert_eq(error_of(&plan, attempt_connect, planned), 0);
    cr_assert_eq(error_of(&plan, attempt_connect, other), EACCES);
    close(fds[0]);
    close(fds[1]);
}

/* It has no rule then, and still refuses all else. */
Test(landlock, connecting_to_each_port)
{
    need_landlock(LANDLOCK_ABI_CONNECT);
    struct plan plan = {.names = false};
    char port[8];
    int fd = listen_anywhere(port);
    memset(plan.ports, 0xff, sizeof(plan.ports));
    cr_assert_eq(error_of(&plan, attempt_connect, port), 0);
    cr_assert_eq(error_of(&plan, attempt_read, "/etc/passwd"), EACCES);
    close(fd);
}

Test(landlock, signals_to_others)
{
    need_landlock(LANDLOCK_ABI_SCOPE);
    struct plan plan = {.names = false};
    char parent[16];
    (void)snprintf(parent, sizeof(parent), "%d", (int)getpid());
    cr_assert_eq(error_of(&plan, attempt_kill, parent), EPERM);
}
