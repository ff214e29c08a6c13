#include "server/daemon/run.h"

#include "server/daemon/confine.h"
#include "server/daemon/early_stop.h"
#include "server/daemon/lines.h"
#include "server/daemon/server.h"
#include "server/daemon/signals.h"
#include "server/daemon/spawner/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- The process --------------------------------------------------------------------------- */

/* Descriptors 0 to 2 must be open, or a socket could get one of them and receive the log. */
static bool open_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

void run_raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void prepare_process(void)
{
    /* An arena for each of thousands of threads would cost more than the contention that it
     * saves. */
    (void)mallopt(M_ARENA_MAX, 4);
    /* Rings and buffers of 64 KiB are mapped, not taken from the heap, whose pages have been
     * touched before: of most of them only the first page is ever used. */
    (void)mallopt(M_MMAP_THRESHOLD, 65536);
    run_raise_descriptor_limit();
}

/* ---- Run ------------------------------------------------------------------------------------ */

/* ENDED is what server_run has returned. */
static int exit_status(int ended)
{
    if (ended > 0)
        return EXIT_CUT;
    return ended == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Of fork and pthread_create: EAGAIN is the usual one, and its own text says nothing. */
static const char *cause_text(int error)
{
    return error == EAGAIN ? "no process or thread can be started: raise the limit of processes "
                             "(ulimit -u, TasksMax)"
                           : strerror(error);
}

static int serve(struct server *server, struct signals *signals, struct inetd *inetd)
{
    int error = signals_start(signals, server);
    if (error != 0) {
        (void)fprintf(stderr, "actpass: cannot start a thread: %s\n", cause_text(error));
        return EXIT_FAILURE;
    }
    int status = exit_status(inetd ? inetd_run(inetd, server) : server_run(server));
    if (!signals_end(signals)) {
        server_flush_log(server);
        _exit(status); /* the load that blocks uses all the rest */
    }
    return status;
}

static bool listens(struct server *server, const struct run *what, int cancel_fd,
                    struct config_report *report)
{
    struct successor *successor = what->successor;
    return (!successor || successor_receive(successor, server, report)) &&
           (what->inetd ? inetd_prepare(what->inetd, server, report)
                        : server_listen(server, cancel_fd, report));
}

static bool begin(struct server *server, const struct run *what, struct spawner *spawner,
                  struct config_report *report)
{
    struct successor *successor = what->successor;
    return server_use_spawner(server, spawner, report) && confine_server(server, report) &&
           (!successor || successor_replace(successor, server, report));
}

/* First of all: it must hold nothing of what is loaded. */
static bool fork_spawner(struct spawner *spawner, const char *file)
{
    errno = spawner_fork(spawner, file);
    return errno == 0;
}

static bool set_up(struct signals *signals, struct spawner *spawner, struct early_stop *early,
                   const char *file)
{
    if (open_standard_descriptors() && signals_block(signals) && fork_spawner(spawner, file) &&
        early_stop_begin(early, spawner->pid))
        return true;
    (void)fprintf(stderr, "actpass: cannot set up the process: %s\n", cause_text(errno));
    return false;
}

/* Loads and begins; *SERVER may be there also if that fails. *STOPPED: that is why. Returns the
 * exit status. */
static int start(const struct run *what, struct spawner *spawner, struct early_stop *early,
                 struct server **server, bool *stopped)
{
    struct config_report report;
    *server = server_load(what->file, &report);
    int status = *server ? EXIT_FAILURE : EXIT_USAGE;
    bool ready = *server && listens(*server, what, early->signal_fd, &report);
    *stopped = early_stop_end(early) && !ready;
    if (ready && begin(*server, what, spawner, &report))
        status = EXIT_SUCCESS;
    if (!*server)
        lines_print(&report.warnings, CONFIG_LOG_WARNING, report.log_format); /* else: in the log */
    if (*stopped) /* what it was doing then was given up */
        (void)fputs("actpass: stopped while it was loading\n", stderr);
    else
        lines_print(&report.errors, CONFIG_LOG_ERROR, report.log_format);
    if (status == EXIT_SUCCESS) {
        confine_log(*server);
        server_announce(*server, &report);
    }
    config_report_free(&report);
    return status;
}

int run_process(const struct run *what)
{
    struct signals signals;
    struct spawner spawner;
    struct early_stop early;
    struct server *server;
    if (!set_up(&signals, &spawner, &early, what->file))
        return EXIT_FAILURE;
    prepare_process();
    bool stopped;
    int status = start(what, &spawner, &early, &server, &stopped);
    if (status == EXIT_SUCCESS)
        status = serve(server, &signals, what->inetd);
    else if (stopped)
        status = EXIT_SUCCESS;
    server_free(server);
    spawner_dismiss(&spawner);
    return status;
}
