#include "tests/interop/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEADLINE_S = 60, RECORD = 16384 };

struct file {
    const char *data;
    size_t size;
};

struct transfer {
    const struct peer_stack *stack;
    void *session;
    int sock;
    enum peer_closing closing;
    struct file send;
    struct file expect;
    size_t sent;
    size_t received;
    bool we_closed;
    bool peer_closed;
};

int peer_fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    return PEER_FAILED;
}

static _Noreturn void quit(const char *what)
{
    perror(what);
    exit(1);
}

/* ---- Options, files, the socket */

static void take_option(struct peer_options *options, int option)
{
    switch (option) {
    case 'r':
        options->role = strcmp(optarg, "tls-server") == 0 ? PEER_TLS_SERVER : PEER_TLS_CLIENT;
        break;
    case 'v':
        options->version = strcmp(optarg, "1.2") == 0 ? PEER_TLS_1_2 : PEER_TLS_1_3;
        break;
    case 'f':
        options->closing = strcmp(optarg, "peer") == 0 ? PEER_CLOSES_FIRST : PEER_CLOSES_SECOND;
        break;
    case 'C':
        options->connect_port = (int)strtol(optarg, NULL, 10);
        break;
    case 'c':
        options->certificate = optarg;
        break;
    case 'k':
        options->key = optarg;
        break;
    case 'a':
        options->ca = optarg;
        break;
    case 'n':
        options->name = optarg;
        break;
    case 's':
        options->send = optarg;
        break;
    case 'e':
        options->expect = optarg;
        break;
    default:
        exit(2); /* getopt_long has printed why */
    }
}

static void parse(int argc, char **argv, struct peer_options *options)
{
    static const struct option known[] = {
        {"role", required_argument, NULL, 'r'},
        {"version", required_argument, NULL, 'v'},
        {"first", required_argument, NULL, 'f'},
        {"connect", required_argument, NULL, 'C'},
        {"cert", required_argument, NULL, 'c'},
        {"key", required_argument, NULL, 'k'},
        {"ca", required_argument, NULL, 'a'},
        {"name", required_argument, NULL, 'n'},
        {"send", required_argument, NULL, 's'},
        {"expect", required_argument, NULL, 'e'},
        {NULL, 0, NULL, 0},
    };
    for (int option = getopt_long(argc, argv, "", known, NULL); option != -1;
         option = getopt_long(argc, argv, "", known, NULL))
        take_option(options, option);
    if (!options->certificate || !options->key || !options->ca || !options->name ||
        !options->send || !options->expect || optind != argc) {
        fprintf(stderr, "%s: --cert, --key, --ca, --name, --send and --expect are needed\n",
                argv[0]);
        exit(2);
    }
}

static struct file map_file(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0)
        quit(path);
    size_t size = (size_t)status.st_size;
    void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        quit(path);
    close(fd);
    return (struct file){data, size};
}

static int accept_one(int listener)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof(address);
    if (listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        quit("listen");
    printf("listening %d\n", ntohs(address.sin_port));
    fflush(stdout);
    int sock = accept(listener, NULL, NULL);
    if (sock < 0)
        quit("accept");
    close(listener);
    return sock;
}

static int open_socket(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    if (sock < 0 ||
        (port ? connect : bind)(sock, (struct sockaddr *)&address, sizeof(address)) != 0)
        quit(port ? "connect" : "bind");
    if (!port)
        sock = accept_one(sock);
    if (setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0 ||
        fcntl(sock, F_SETFL, O_NONBLOCK) != 0)
        quit("socket");
    return sock;
}

/* ---- The exchange */

static bool wait_for(int sock, bool write)
{
    struct pollfd ready = {.fd = sock, .events = (short)(POLLIN | (write ? POLLOUT : 0))};
    return poll(&ready, 1, DEADLINE_S * 1000) == 1;
}

static int handshake(struct transfer *transfer)
{
    int result = transfer->stack->handshake(transfer->session);
    while (result == PEER_WANTS_READ || result == PEER_WANTS_WRITE) {
        if (!wait_for(transfer->sock, result == PEER_WANTS_WRITE))
            return peer_fail("handshake", "timed out");
        result = transfer->stack->handshake(transfer->session);
    }
    return result;
}

/* Positive: progress. */
static int receive(struct transfer *transfer)
{
    char buffer[RECORD];
    if (transfer->peer_closed)
        return PEER_WANTS_READ;
    int got = transfer->stack->read(transfer->session, buffer, sizeof(buffer));
    size_t left = transfer->expect.size - transfer->received;
    if (got == PEER_CLOSED) {
        transfer->peer_closed = true;
        return left ? peer_fail("read", "close_notify before all data") : PEER_DONE;
    }
    if (got <= 0)
        return got;
    if ((size_t)got > left ||
        memcmp(buffer, transfer->expect.data + transfer->received, (size_t)got) != 0)
        return peer_fail("read", "other data than expected");
    transfer->received += (size_t)got;
    return got;
}

static int transmit(struct transfer *transfer)
{
    size_t left = transfer->send.size - transfer->sent;
    if (left > 0) {
        int sent = transfer->stack->write(transfer->session, transfer->send.data + transfer->sent,
                                          left < RECORD ? (int)left : RECORD);
        transfer->sent += sent > 0 ? (size_t)sent : 0;
        return sent;
    }
    bool may_close = transfer->closing == PEER_CLOSES_SECOND
                         ? transfer->peer_closed
                         : transfer->received == transfer->expect.size;
    if (transfer->we_closed || !may_close)
        return PEER_WANTS_READ;
    int result = transfer->stack->close_notify(transfer->session);
    transfer->we_closed = result == PEER_DONE;
    return result;
}

static int exchange(struct transfer *transfer)
{
    while (!transfer->we_closed || !transfer->peer_closed) {
        int in = receive(transfer);
        int out = in == PEER_FAILED ? PEER_FAILED : transmit(transfer);
        if (in == PEER_FAILED || out == PEER_FAILED)
            return PEER_FAILED;
        bool write = in == PEER_WANTS_WRITE || out == PEER_WANTS_WRITE;
        if (in < 0 && out < 0 && !wait_for(transfer->sock, write))
            return peer_fail("exchange", "timed out");
    }
    return PEER_DONE;
}

/* Ends TCP in order, so that no reset overtakes what was sent. */
static int end_of_stream(int sock)
{
    char byte;
    shutdown(sock, SHUT_WR);
    if (!wait_for(sock, false))
        return peer_fail("end", "timed out");
    ssize_t got = read(sock, &byte, 1);
    if (got != 0)
        return peer_fail("end", got > 0 ? "data after close_notify" : strerror(errno));
    return PEER_DONE;
}

int peer_main(int argc, char **argv, const struct peer_stack *stack)
{
    struct peer_options options = {.role = PEER_TLS_CLIENT};
    parse(argc, argv, &options);
    (void)signal(SIGPIPE, SIG_IGN); /* a peer that was refused reports the write that failed */
    alarm(DEADLINE_S);
    struct transfer transfer = {.stack = stack,
                                .closing = options.closing,
                                .send = map_file(options.send),
                                .expect = map_file(options.expect),
                                .sock = open_socket(options.connect_port)};
    transfer.session = stack->open(&options, transfer.sock);
    if (!transfer.session)
        return 1;
    bool good = handshake(&transfer) == PEER_DONE && exchange(&transfer) == PEER_DONE &&
                end_of_stream(transfer.sock) == PEER_DONE;
    stack->release(transfer.session);
    close(transfer.sock);
    return good ? 0 : 1;
}
