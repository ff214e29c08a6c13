/* The load generator of the benchmark: a TLS client for one measure at a time. Prints one JSON
 * object.
 *
 *     load handshakes|roundtrip|down|up|idle|busy --port PORT [--count N] [--concurrency N]
 *          [--connections N] [--bytes N] [--seconds S] [--resume] [--bare] */
#include "load/load.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { DEADLINE_SECONDS = 300 };

static const struct mode {
    const char *name;
    void (*run)(const struct load_options *options);
} modes[] = {
    {"handshakes", load_handshakes},
    {"roundtrip", load_round_trips},
    {"down", load_down},
    {"up", load_up},
    {"idle", load_idle},
    {"busy", load_busy},
};

static const struct option known[] = {
    {"port", required_argument, NULL, 'p'},
    {"count", required_argument, NULL, 'n'},
    {"concurrency", required_argument, NULL, 'c'},
    {"connections", required_argument, NULL, 'o'},
    {"bytes", required_argument, NULL, 'b'},
    {"seconds", required_argument, NULL, 's'},
    {"resume", no_argument, NULL, 'r'},
    {"bare", no_argument, NULL, 'B'},
    {NULL, 0, NULL, 0},
};

static _Noreturn void usage(void)
{
    fprintf(stderr, "usage: load handshakes|roundtrip|down|up|idle|busy --port PORT [--count N]\n"
                    "       [--concurrency N] [--connections N] [--bytes N] [--seconds S]\n"
                    "       [--resume] [--bare]\n");
    exit(2);
}

static bool take(struct load_options *options, int letter)
{
    switch (letter) {
    case 'p':
        options->port = (uint16_t)strtoul(optarg, NULL, 10);
        return true;
    case 'n':
        options->count = strtoull(optarg, NULL, 10);
        return true;
    case 'c':
        options->concurrency = strtoull(optarg, NULL, 10);
        return true;
    case 'o':
        options->connections = strtoull(optarg, NULL, 10);
        return true;
    case 'b':
        options->bytes = strtoull(optarg, NULL, 10);
        return true;
    case 's':
        options->seconds = strtod(optarg, NULL);
        return true;
    case 'r':
        options->resume = true;
        return true;
    case 'B':
        options->bare = true;
        return true;
    default:
        return false;
    }
}

/* The program ends with its parent, ignores SIGPIPE, and never hangs. */
static void prepare(void)
{
    struct rlimit limit;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    alarm(DEADLINE_SECONDS);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    struct load_options options = {
        .count = 1000, .concurrency = 16, .bytes = UINT64_C(1) << 30, .seconds = 60};
    int letter;
    while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1)
        if (!take(&options, letter))
            usage();
    if (optind != argc - 1 || options.port == 0 || options.count == 0 || options.concurrency == 0)
        usage();
    if (options.connections < options.concurrency)
        options.connections = options.concurrency;
    prepare();
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
        if (strcmp(argv[optind], modes[i].name) == 0) {
            modes[i].run(&options);
            return 0;
        }
    }
    usage();
}
