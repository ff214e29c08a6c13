#include "tests/support/redis_server.h"

#include "tests/support/resources.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000 };

static void must(bool condition, const char *what)
{
    if (condition)
        return;
    perror(what);
    abort();
}

static void run_redis(pid_t parent, const char *path)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent ||
        !freopen("/dev/null", "w", stdout))
        _exit(1);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path, "--save", "",
           (char *)NULL);
    _exit(127);
}

/* -1: nobody listens there. */
static int connect_to(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int size = snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
    must(size < (int)sizeof(name.sun_path), "a path that is too long");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0, "socket");
    if (connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0)
        return fd;
    close(fd);
    return -1;
}

pid_t redis_server_start(const char *path)
{
    pid_t parent = getpid();
    pid_t redis = fork();
    must(redis >= 0, "fork");
    if (redis == 0)
        run_redis(parent, path);
    for (int i = 0; i < PATIENCE_MS / 10 && waitpid(redis, NULL, WNOHANG) == 0; i++) {
        int fd = connect_to(path);
        if (fd >= 0) {
            close(fd);
            return redis;
        }
        pause_ms(10);
    }
    return 0;
}

void redis_server_stop(pid_t redis)
{
    if (redis == 0)
        return;
    (void)kill(redis, SIGKILL);
    (void)waitpid(redis, NULL, 0);
}

void redis_server_tell(const char *path, const char *command)
{
    char answer[64];
    int fd = connect_to(path);
    must(fd >= 0 && dprintf(fd, "%s\r\n", command) > 0, "a question to Redis");
    must(recv(fd, answer, sizeof(answer), 0) > 0, "an answer of Redis");
    close(fd);
}
