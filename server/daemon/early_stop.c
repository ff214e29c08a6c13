#include "server/daemon/early_stop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { LAST_LOAD_MS = 1000 }; /* a load that is nearly done ends in order */

/* Is it readable within that time? -1: whenever that is. */
static bool wait_for(int fd, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, timeout_ms) == 1;
}

static void end_process(const struct early_stop *early)
{
    static const char text[] = "actpass: stopped while it was loading\n";
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;                       /* nobody may read it */
    (void)kill(early->spawner, SIGKILL); /* it runs no programs yet, and may read the same files */
    _exit(EXIT_SUCCESS);
}

/* Only looks at the signal: who takes signals later finds it. */
static void *watch(void *arg)
{
    const struct early_stop *early = arg;
    struct pollfd polls[] = {{.fd = early->signal_fd, .events = POLLIN},
                             {.fd = early->end_fd, .events = POLLIN}};
    while (poll(polls, 2, -1) < 0) /* a signal for a debugger */
        continue;
    if (polls[1].revents == 0 && !wait_for(early->end_fd, LAST_LOAD_MS))
        end_process(early);
    return NULL;
}

static void close_all(struct early_stop *early)
{
    if (early->signal_fd >= 0)
        close(early->signal_fd);
    if (early->end_fd >= 0)
        close(early->end_fd);
}

bool early_stop_begin(struct early_stop *early, pid_t spawner)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    *early = (struct early_stop){.spawner = spawner};
    early->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    early->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int error = early->signal_fd < 0 || early->end_fd < 0 ? errno : 0;
    if (error == 0)
        error = pthread_create(&early->thread, NULL, watch, early);
    if (error == 0)
        return true;
    close_all(early);
    errno = error;
    return false;
}

bool early_stop_end(struct early_stop *early)
{
    bool asked = wait_for(early->signal_fd, 0);
    (void)eventfd_write(early->end_fd, 1); /* from 0 to 1 it cannot be full */
    (void)pthread_join(early->thread, NULL);
    close_all(early);
    return asked;
}
