/* Relay, direct and plain SSL against each other inside one process: see inproc/inproc.h.
 *
 *     inproc --certificate PEM --key PEM [--rounds N] [--handshakes N] [--round-trips N]
 *            [--bytes N] [--server-cpu N] [--peer-cpu N]
 *
 * The transports alternate within a round. Prints one JSON object per sample; cpu is the server's.
 */
#include "inproc/inproc.h"

#include "common/client.h"
#include "common/times.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WARM_UP = 20 };

struct options {
    const char *certificate, *key;
    uint64_t rounds, handshakes, round_trips, bytes;
    int server_cpu, peer_cpu; /* -1: anywhere */
};

struct bench {
    struct options options;
    int listener;
    uint16_t port;
    void *setups[TRANSPORT_COUNT];
    char chunk[CHUNK_SIZE];
};

static const char *const measure_names[MEASURE_COUNT] = {"handshakes", "ping", "down", "up"};

static void *accept_one(struct bench *bench, int transport)
{
    int on = 1;
    int fd = accept4(bench->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
        fail("accept", NULL);
    return transports[transport].open(bench->setups[transport], fd);
}

/* The server's part of each measure. */
static void serve(struct bench *bench, int which, const struct peer_job *job)
{
    const struct transport *transport = &transports[which];
    void *conn = accept_one(bench, which);
    for (uint64_t i = 1; job->measure == MEASURE_HANDSHAKES && i < job->amount; i++) {
        transport->close(conn);
        conn = accept_one(bench, which);
    }
    if (job->measure == MEASURE_PING) {
        size_t got;
        while ((got = transport->read(conn, bench->chunk, MESSAGE_SIZE)) > 0)
            transport->write(conn, bench->chunk, got);
    }
    for (uint64_t left = job->measure == MEASURE_DOWN ? job->amount : 0; left > 0;) {
        size_t size = left < CHUNK_SIZE ? (size_t)left : CHUNK_SIZE;
        transport->write(conn, bench->chunk, size);
        left -= size;
    }
    for (uint64_t left = job->measure == MEASURE_UP ? job->amount : 0; left > 0;) {
        size_t got = transport->read(conn, bench->chunk, CHUNK_SIZE);
        if (got == 0)
            fail("up", "bytes are missing");
        left -= got;
    }
    transport->close(conn);
}

static void pin(pthread_attr_t *attributes, int cpu)
{
    cpu_set_t set;
    if (cpu < 0)
        return;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (attributes ? pthread_attr_setaffinity_np(attributes, sizeof(set), &set)
                   : sched_setaffinity(0, sizeof(set), &set))
        fail("CPU affinity", "there is no such CPU for us");
}

/* One sample: the peer in a new thread, the server here. Returns the server's CPU seconds. */
static double run(struct bench *bench, int transport, struct peer_job *job)
{
    pthread_t peer;
    pthread_attr_t attributes;
    double begin = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
    if (pthread_attr_init(&attributes))
        fail("peer", "out of memory");
    pin(&attributes, bench->options.peer_cpu);
    job->port = bench->port;
    if (pthread_create(&peer, &attributes, peer_run, job))
        fail("peer", "no thread");
    serve(bench, transport, job);
    if (pthread_join(peer, NULL))
        fail("peer", "cannot be joined");
    pthread_attr_destroy(&attributes);
    return clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - begin - job->cpu_seconds;
}

static void sample(struct bench *bench, uint64_t round, int transport, enum measure measure)
{
    const uint64_t amounts[MEASURE_COUNT] = {bench->options.handshakes, bench->options.round_trips,
                                             bench->options.bytes, bench->options.bytes};
    struct peer_job job = {.measure = measure, .amount = amounts[measure]};
    double begin = now();
    double cpu = run(bench, transport, &job);
    printf("{\"round\": %lu, \"transport\": \"%s\", \"measure\": \"%s\", \"amount\": %lu, "
           "\"seconds\": %.6f, \"cpu\": %.6f, \"p50_us\": %.2f, \"p99_us\": %.2f}\n",
           round, transports[transport].name, measure_names[measure], job.amount, now() - begin,
           cpu, job.p50_us, job.p99_us);
    fflush(stdout);
}

static void listen_on_free_port(struct bench *bench)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    bench->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bench->listener < 0 || bind(bench->listener, (struct sockaddr *)&address, size) ||
        listen(bench->listener, 128) ||
        getsockname(bench->listener, (struct sockaddr *)&address, &size))
        fail("listen", NULL);
    bench->port = ntohs(address.sin_port);
}

static bool take(struct options *options, int letter)
{
    uint64_t *const numbers[] = {['r'] = &options->rounds,
                                 ['h'] = &options->handshakes,
                                 ['t'] = &options->round_trips,
                                 ['b'] = &options->bytes};
    switch (letter) {
    case 'C':
        options->certificate = optarg;
        return true;
    case 'K':
        options->key = optarg;
        return true;
    case 's':
        options->server_cpu = (int)strtol(optarg, NULL, 10);
        return true;
    case 'p':
        options->peer_cpu = (int)strtol(optarg, NULL, 10);
        return true;
    case '?':
        return false;
    default:
        *numbers[letter] = strtoull(optarg, NULL, 10);
        return *numbers[letter] > 0;
    }
}

static void parse(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"certificate", required_argument, NULL, 'C'},
        {"key", required_argument, NULL, 'K'},
        {"rounds", required_argument, NULL, 'r'},
        {"handshakes", required_argument, NULL, 'h'},
        {"round-trips", required_argument, NULL, 't'},
        {"bytes", required_argument, NULL, 'b'},
        {"server-cpu", required_argument, NULL, 's'},
        {"peer-cpu", required_argument, NULL, 'p'},
        {NULL, 0, NULL, 0},
    };
    int letter;
    bool good = true;
    while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1)
        good = take(options, letter) && good;
    if (!good || optind != argc || !options->certificate || !options->key) {
        fprintf(stderr, "usage: inproc --certificate PEM --key PEM [--rounds N] [--handshakes N]\n"
                        "       [--round-trips N] [--bytes N] [--server-cpu N] [--peer-cpu N]\n");
        exit(2);
    }
}

static void set_up(struct bench *bench)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    pin(NULL,
        bench->options.server_cpu); /* before any other thread, so that relay threads inherit it */
    listen_on_free_port(bench);
    for (int i = 0; i < TRANSPORT_COUNT; i++) {
        struct peer_job job = {.measure = MEASURE_HANDSHAKES, .amount = WARM_UP};
        bench->setups[i] = transports[i].setup(bench->options.certificate, bench->options.key);
        run(bench, i, &job);
    }
}

int main(int argc, char **argv)
{
    static struct bench bench = {.options = {.rounds = 5,
                                             .handshakes = 1000,
                                             .round_trips = 10000,
                                             .bytes = UINT64_C(1) << 30,
                                             .server_cpu = -1,
                                             .peer_cpu = -1}};
    parse(argc, argv, &bench.options);
    set_up(&bench);
    for (uint64_t round = 0; round < bench.options.rounds; round++) {
        for (enum measure measure = 0; measure < MEASURE_COUNT; measure++)
            for (uint64_t i = 0; i < TRANSPORT_COUNT; i++)
                sample(&bench, round, (int)((round + i) % TRANSPORT_COUNT), measure);
    }
    for (int i = 0; i < TRANSPORT_COUNT; i++)
        transports[i].teardown(bench.setups[i]);
    close(bench.listener);
    return 0;
}
