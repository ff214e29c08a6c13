/* The program: arguments, signals, limits, messages, exit status. */
#include "config/config.h"
#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 }; /* or a configuration that is wrong */

static const char usage_text[] =
    "usage: actpass FILE            run the services of a configuration\n"
    "       actpass --check FILE    look for all errors in it, load its certificates, run nothing\n"
    "       actpass --schema        print the JSON Schema of configurations\n"
    "       actpass --version\n"
    "       actpass --help\n"
    "\n"
    "SIGTERM or SIGINT: accept no more, let open connections end within shutdown_timeout;\n"
    "a second one: end at once. SIGHUP: read certificates, keys, CRLs and OCSP responses again, "
    "not\n"
    "FILE. The log goes to stderr.\n"
    "Exit status: 0 all went well, 1 failure or connections that had to be cut, 2 usage or "
    "configuration.\n";

enum command { COMMAND_RUN, COMMAND_CHECK, COMMAND_SCHEMA, COMMAND_VERSION, COMMAND_HELP };

/* ---- Signals ------------------------------------------------------------------------------- */

/* All threads have the signals blocked; one takes them with sigwait. So no handler runs in the middle
 * of anything, and no variable need be global. SIGUSR1 is how main ends that thread. */
struct signals {
    pthread_t thread;
    sigset_t set;
    sigset_t before;
    actpass_server *server;
};

static bool signals_block(struct signals *signals)
{
    sigemptyset(&signals->set);
    sigaddset(&signals->set, SIGTERM);
    sigaddset(&signals->set, SIGINT);
    sigaddset(&signals->set, SIGHUP);
    sigaddset(&signals->set, SIGUSR1);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    return pthread_sigmask(SIG_BLOCK, &signals->set, &signals->before) == 0 &&
           sigaction(SIGPIPE, &ignore, NULL) == 0;
}

static void *take_signals(void *arg)
{
    struct signals *signals = arg;
    int number = 0;
    while (sigwait(&signals->set, &number) == 0 && number != SIGUSR1) {
        if (number == SIGHUP) {
            (void)actpass_server_reload(signals->server); /* the log says how it went */
        } else {
            actpass_server_stop(signals->server);
        }
    }
    return NULL;
}

static bool signals_start(struct signals *signals, actpass_server *server)
{
    signals->server = server;
    int error = pthread_create(&signals->thread, NULL, take_signals, signals);
    if (error != 0) {
        (void)fprintf(stderr, "actpass: cannot start a thread: %s\n", strerror(error));
    }
    return error == 0;
}

static void signals_end(struct signals *signals)
{
    (void)pthread_kill(signals->thread, SIGUSR1); /* it is there until we join it */
    (void)pthread_join(signals->thread, NULL);
}

/* ---- The process --------------------------------------------------------------------------- */

/* Descriptors 0 to 2 must be taken, or a socket would get one and the log be written into it. */
static bool open_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

/* Each connection takes up to three descriptors (capacity.h); where the limit cannot be raised, we live with it. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void prepare_process(void)
{
    /* An arena for each of thousands of threads would cost more than the waiting it saves. */
    (void)mallopt(M_ARENA_MAX, 4);
    /* Rings and buffers of 64 KiB are mapped, not cut from a heap whose pages others have touched: of most of
     * them only the first page is ever used. */
    (void)mallopt(M_MMAP_THRESHOLD, 65536);
    raise_descriptor_limit();
}

/* ---- Commands ------------------------------------------------------------------------------ */

static void print_all(const struct config_strings *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        (void)fprintf(stderr, "%s\n", lines->items[i]);
    }
}

static int check(const char *file)
{
    struct config_report report;
    raise_descriptor_limit(); /* the warnings are then those of a run */
    actpass_server *server = server_load(file, &report);
    print_all(&report.warnings);
    print_all(&report.errors);
    int status = EXIT_USAGE;
    if (server != NULL) {
        status = printf("%s: the configuration is good\n", file) > 0 && fflush(stdout) == 0
                     ? EXIT_SUCCESS
                     : EXIT_FAILURE;
    }
    actpass_server_free(server);
    config_report_free(&report);
    return status;
}

static int serve(actpass_server *server, struct signals *signals)
{
    if (!signals_start(signals, server)) {
        return EXIT_FAILURE;
    }
    int status = actpass_server_run(server) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    signals_end(signals);
    return status;
}

static int run(const char *file)
{
    struct signals signals;
    if (!open_standard_descriptors() || !signals_block(&signals)) {
        (void)fprintf(stderr, "actpass: cannot set up the process: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    prepare_process();
    struct config_report report;
    int status = EXIT_USAGE;
    actpass_server *server = server_load(file, &report);
    if (server != NULL) {
        status = server_listen(server, &report) ? EXIT_SUCCESS : EXIT_FAILURE;
    } else {
        print_all(&report.warnings); /* otherwise they are in the log */
    }
    print_all(&report.errors);
    config_report_free(&report);
    if (status == EXIT_SUCCESS) {
        status = serve(server, &signals);
    }
    actpass_server_free(server);
    return status;
}

static int print(const char *text)
{
    bool printed = fputs(text, stdout) >= 0 && fflush(stdout) == 0;
    return printed ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int fail_usage(const char *why)
{
    (void)fprintf(stderr, "actpass: %s\n%s", why, usage_text);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"check", no_argument, NULL, COMMAND_CHECK},
                                            {"schema", no_argument, NULL, COMMAND_SCHEMA},
                                            {"version", no_argument, NULL, COMMAND_VERSION},
                                            {"help", no_argument, NULL, COMMAND_HELP},
                                            {NULL, 0, NULL, 0}};
    enum command command = COMMAND_RUN;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == '?') { /* getopt has said what is wrong */
            (void)fputs(usage_text, stderr);
            return EXIT_USAGE;
        }
        if (command != COMMAND_RUN) {
            return fail_usage("one option at a time, please");
        }
        command = (enum command)option;
    }
    int wanted = command == COMMAND_RUN || command == COMMAND_CHECK ? 1 : 0;
    if (argc - optind != wanted) {
        return fail_usage(wanted == 1 ? "name one configuration file" : "too many arguments");
    }
    switch (command) {
    case COMMAND_CHECK:
        return check(argv[optind]);
    case COMMAND_SCHEMA:
        return print(config_schema());
    case COMMAND_VERSION:
        return print("actpass " ACTPASS_VERSION "\n");
    case COMMAND_HELP:
        return print(usage_text);
    case COMMAND_RUN:
        break;
    }
    return run(argv[optind]);
}
