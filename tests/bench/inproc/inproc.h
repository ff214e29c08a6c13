/* The transports against each other inside one process, on the API: what this program's files
 * share.
 *
 * The main thread is the server: actpass with either transport, or plain SSL on the socket as
 * control. A peer thread on another CPU is the TLS client. The server's CPU is the process's less
 * the peer thread's, so relay threads count. Whatever fails ends the program. */
#ifndef ACTPASS_BENCH_INPROC_H
#define ACTPASS_BENCH_INPROC_H

#include <stddef.h>
#include <stdint.h>

enum { MESSAGE_SIZE = 64, CHUNK_SIZE = 64 * 1024 };

/* ---- The server's side: one of three ways to have TLS on an accepted socket ---- */

struct transport {
    const char *name;
    void *(*setup)(const char *certificate, const char *key);
    void (*teardown)(void *setup);
    void *(*open)(void *setup, int fd);                    /* handshake included */
    size_t (*read)(void *conn, void *buffer, size_t size); /* 0 at close_notify */
    void (*write)(void *conn, const void *data, size_t size);
    void (*close)(void *conn); /* in order: close_notify both ways */
};

enum { TRANSPORT_COUNT = 3 };
extern const struct transport transports[TRANSPORT_COUNT];

/* ---- The peer: a TLS client in a thread of its own ---- */

enum measure { MEASURE_HANDSHAKES, MEASURE_PING, MEASURE_DOWN, MEASURE_UP, MEASURE_COUNT };

struct peer_job {
    enum measure measure;
    uint64_t amount; /* connections, messages or bytes */
    uint16_t port;
    int cpu;
    double p50_us, p99_us; /* result of a ping */
    double cpu_seconds;    /* result: what the thread used */
};

/* A pthread start routine; takes a struct peer_job and returns NULL. */
void *peer_run(void *peer_job);

#endif
