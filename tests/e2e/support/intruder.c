/* Preloaded into a program under test: what an intruder would try from inside the process. At each
 * accept4 it writes a log line of its own with the errno of each attempt (0: it worked), and then
 * behaves as if it were not there. INTRUDER_PORT: where something listens. With
 * INTRUDER_NO_LANDLOCK the kernel seems to have no Landlock. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int closing(int fd)
{
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static int try_open(const char *path, int flags)
{
    return closing(open(path, flags | O_CLOEXEC, 0600));
}

static struct sockaddr_in where(void)
{
    const char *port = getenv("INTRUDER_PORT");
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)atoi(port ? port : "1")),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int try_connect(void)
{
    struct sockaddr_in to = where();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 ? 0 : errno;
    close(fd);
    return error;
}

static int try_fast_open(void)
{
    struct sockaddr_in to = where();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ssize_t sent =
        sendto(fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof(to));
    int error = sent == 1 ? 0 : errno;
    close(fd);
    return error;
}

/* Of a program that is not there, so that without a sandbox this one goes on. */
static int try_execve(void)
{
    char *const arguments[] = {"none", NULL};
    execve("/none/none", arguments, NULL);
    return errno;
}

static int try_fork(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    if (child < 0)
        return errno;
    waitpid(child, NULL, 0);
    return 0;
}

static int try_call(long result)
{
    return result < 0 ? errno : 0;
}

static void intrude(void)
{
    char line[512];
    int length =
        snprintf(line, sizeof(line),
                 "level=info event=intruder passwd=%d folder=%d write=%d own=%d connect=%d "
                 "fast_open=%d udp=%d "
                 "execve=%d fork=%d ptrace=%d kill=%d dumpable=%d "
                 "dumps=%d\n",
                 try_open("/etc/passwd", O_RDONLY), try_open("/etc", O_RDONLY | O_DIRECTORY),
                 try_open("/tmp/actpass-intruder", O_WRONLY | O_CREAT),
                 try_open(getenv("INTRUDER_OWN"), O_RDONLY), try_connect(), try_fast_open(),
                 closing(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), try_execve(), try_fork(),
                 try_call(ptrace(PTRACE_ATTACH, 0x7ffffff0, 0, 0)), try_call(kill(getppid(), 0)),
                 try_call(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)), prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    unlink("/tmp/actpass-intruder");
    if (write(2, line, (size_t)length) != length)
        abort();
}

int accept4(int fd, struct sockaddr *peer, socklen_t *size, int flags)
{
    int (*real)(int, struct sockaddr *, socklen_t *, int) =
        (int (*)(int, struct sockaddr *, socklen_t *, int))dlsym(RTLD_NEXT, "accept4");
    int accepted = real(fd, peer, size, flags);
    if (accepted >= 0 && getenv("INTRUDER_OWN"))
        intrude();
    return accepted;
}

long syscall(long number, ...)
{
    long (*real)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    va_list list;
    va_start(list, number);
    long of[6];
    for (int i = 0; i < 6; i++)
        of[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_landlock_create_ruleset && getenv("INTRUDER_NO_LANDLOCK")) {
        errno = ENOSYS;
        return -1;
    }
    return real(number, of[0], of[1], of[2], of[3], of[4], of[5]);
}
