/* Preloaded into a program under test: calls fail at random, as on a machine that is short of
 * something. The file that SHORTAGE names holds, for each kind, "one call in N fails" (0: none) and
 * how many have failed. Who has mapped the file, too, turns a shortage on and off while the program
 * runs. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum kind { THREADS, DESCRIPTORS, KINDS };

struct plan {
    struct {
        _Atomic uint32_t one_in, failed;
    } of[KINDS];
    _Atomic uint32_t calls;
};

static struct plan *plan; /* NULL: nothing fails */

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("SHORTAGE");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        abort();
    void *mapped = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped == MAP_FAILED)
        abort();
    plan = mapped;
}

static int fails(enum kind kind, int error)
{
    uint32_t one_in = plan ? atomic_load(&plan->of[kind].one_in) : 0;
    if (one_in == 0)
        return 0;
    uint32_t number = atomic_fetch_add(&plan->calls, 1) * 2654435761U; /* which fail is scattered */
    number = (number ^ (number >> 15)) * 2246822519U;
    if ((number ^ (number >> 13)) % one_in != 0)
        return 0;
    atomic_fetch_add(&plan->of[kind].failed, 1);
    errno = error;
    return 1;
}

typedef int create_function(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *arg)
{
    create_function *next = (create_function *)dlsym(RTLD_NEXT, "pthread_create");
    return fails(THREADS, EAGAIN) ? EAGAIN : next(thread, attributes, run, arg);
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    int (*next)(int, struct sockaddr *, socklen_t *, int) =
        (int (*)(int, struct sockaddr *, socklen_t *, int))dlsym(RTLD_NEXT, "accept4");
    return fails(DESCRIPTORS, ENFILE) ? -1 : next(fd, address, size, flags);
}

int socket(int family, int type, int protocol)
{
    int (*next)(int, int, int) = (int (*)(int, int, int))dlsym(RTLD_NEXT, "socket");
    return fails(DESCRIPTORS, ENFILE) ? -1 : next(family, type, protocol);
}

int eventfd(unsigned int count, int flags)
{
    int (*next)(unsigned int, int) = (int (*)(unsigned int, int))dlsym(RTLD_NEXT, "eventfd");
    return fails(DESCRIPTORS, EMFILE) ? -1 : next(count, flags);
}

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    int (*next)(int, int, int, struct epoll_event *) =
        (int (*)(int, int, int, struct epoll_event *))dlsym(RTLD_NEXT, "epoll_ctl");
    return operation != EPOLL_CTL_DEL && fails(DESCRIPTORS, ENOSPC)
               ? -1
               : next(epoll, operation, fd, event);
}
