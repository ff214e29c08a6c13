#include "tests/support/resources.h"

#include "relay/clock.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

_Noreturn static void die(const char *what)
{
    fprintf(stderr, "tests/support/resources: %s: %s\n", what, strerror(errno));
    abort();
}

static int socket_or_die(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("socket");
    return fd;
}

void sockets_tcp(int fds[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);
    int listener = socket_or_die();
    if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1) ||
        getsockname(listener, (struct sockaddr *)&address, &length))
        die("listen");
    fds[1] = socket_or_die();
    if (connect(fds[1], (struct sockaddr *)&address, length))
        die("connect");
    fds[0] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fds[0] < 0)
        die("accept4");
    close(listener);
    int on = 1;
    for (int i = 0; i < 2; i++)
        if (setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
            die("TCP_NODELAY");
}

void sockets_unix(int fds[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
        die("socketpair");
}

void socket_small_buffers(int fd)
{
    int size = 1; /* the system raises it to its minimum */
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)))
        die("setsockopt");
}

void socket_reset(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)))
        die("SO_LINGER");
    close(fd);
}

static unsigned entries(const char *path)
{
    unsigned count = 0;
    DIR *folder = opendir(path);
    if (!folder)
        die(path);
    for (const struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static void *nothing(void *arg)
{
    return arg;
}

/* ThreadSanitizer starts a thread of its own, which wakes ten times a second, together with our
 * first one. It must run before threads or their wake-ups are counted. */
static void wake_sanitizer(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL))
        die("pthread_create");
}

struct resources resources_now(void)
{
    wake_sanitizer();
    return (struct resources){.descriptors = entries("/proc/self/fd"),
                              .threads = entries("/proc/self/task")};
}

bool resources_return_to(struct resources before)
{
    int64_t deadline_us = clock_deadline_ms(10000);
    for (;;) {
        struct resources now = resources_now();
        if (now.descriptors <= before.descriptors && now.threads <= before.threads)
            return true;
        if (clock_now_us() > deadline_us) {
            fprintf(stderr, "%u descriptors, then %u; %u threads, then %u\n", before.descriptors,
                    now.descriptors, before.threads, now.threads);
            return false;
        }
        pause_ms(5);
    }
}

int64_t cpu_time_us(void)
{
    struct timespec used;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used))
        die("clock_gettime");
    return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

uint64_t context_switches(void)
{
    wake_sanitizer();
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage))
        die("getrusage");
    return (uint64_t)usage.ru_nvcsw;
}

void pause_ms(int64_t ms)
{
    struct timespec left = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) && errno == EINTR)
        ;
}
