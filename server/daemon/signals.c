#include "server/daemon/signals.h"

#include "relay/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { LAST_LOAD_MS = 1000 }; /* a load that is nearly done ends in order */

/* ---- Events ---------------------------------------------------------------------------------- */

static void ring(int fd)
{
    uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof(one));
    (void)written; /* EAGAIN: it is readable since long */
}

static void quiet(int fd)
{
    uint64_t count;
    ssize_t got = read(fd, &count, sizeof(count));
    (void)got; /* EAGAIN: it was not rung */
}

/* ---- The threads ----------------------------------------------------------------------------- */

/* Several signals of one kind that arrive meanwhile count as one: the kernel does not queue
 * them. */
static void take_signal(const struct signals *signals, uint32_t number)
{
    switch (number) {
    case SIGHUP:
        ring(signals->reload_fd);
        break;
    case SIGUSR1:
        server_log_status(signals->server);
        break;
    default:
        server_stop(signals->server);
        break;
    }
}

static void *take_signals(void *arg)
{
    const struct signals *signals = arg;
    struct pollfd polls[] = {{.fd = signals->signal_fd, .events = POLLIN},
                             {.fd = signals->end_fd, .events = POLLIN}};
    for (;;) {
        struct signalfd_siginfo taken;
        int ready = ppoll(polls, 2, NULL, NULL);
        if (ready > 0 && polls[1].revents != 0)
            return NULL;
        if (ready > 0 && read(signals->signal_fd, &taken, sizeof(taken)) == sizeof(taken))
            take_signal(signals, taken.ssi_signo);
    }
}

static void *load(void *arg)
{
    const struct signals *signals = arg;
    struct pollfd polls[2 + SERVER_POLLS] = {{.fd = signals->reload_fd, .events = POLLIN},
                                             {.fd = signals->end_fd, .events = POLLIN}};
    for (;;) {
        struct timespec left;
        int64_t wake_us = server_attend(signals->server, polls + 2);
        int ready = ppoll(polls, 2 + SERVER_POLLS, clock_left(wake_us, &left), NULL);
        if (ready > 0 && polls[1].revents != 0)
            break;
        if (ready > 0 && polls[0].revents != 0) {
            quiet(signals->reload_fd); /* before the load: a signal during it asks for another */
            (void)server_reload(signals->server); /* the log says how it went */
        }
    }
    ring(signals->done_fd);
    return NULL;
}

/* ---- Life ------------------------------------------------------------------------------------ */

bool signals_block(struct signals *signals)
{
    sigset_t set;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    errno = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (errno != 0 || sigaction(SIGPIPE, &ignore, NULL) != 0 ||
        sigaction(SIGUSR2, &ignore, NULL) != 0)
        return false;
    signals->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    signals->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    signals->reload_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    signals->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return signals->signal_fd >= 0 && signals->end_fd >= 0 && signals->reload_fd >= 0 &&
           signals->done_fd >= 0;
}

int signals_start(struct signals *signals, struct server *server)
{
    signals->server = server;
    int error = pthread_create(&signals->loader, NULL, load, signals);
    if (error != 0)
        return error;
    error = pthread_create(&signals->taker, NULL, take_signals, signals);
    if (error == 0)
        return 0;
    ring(signals->end_fd);
    (void)pthread_join(signals->loader, NULL); /* it has not loaded anything yet */
    return error;
}

bool signals_end(struct signals *signals)
{
    struct pollfd done = {.fd = signals->done_fd, .events = POLLIN};
    ring(signals->end_fd);
    (void)pthread_join(signals->taker, NULL);
    if (poll(&done, 1, LAST_LOAD_MS) != 1)
        return false;
    (void)pthread_join(signals->loader, NULL);
    return true;
}
