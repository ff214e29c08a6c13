/* The modes of the load generator. Each prints one JSON object on stdout; whatever fails ends the
 * program. */
#ifndef ACTPASS_BENCH_LOAD_H
#define ACTPASS_BENCH_LOAD_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

struct load_options {
    uint16_t port;        /* of the server, on 127.0.0.1 */
    uint64_t count;       /* connections or round trips */
    uint64_t concurrency; /* handshakes, or messages in flight, at once */
    uint64_t connections; /* busy: how many are open, at least as many as are in flight */
    uint64_t bytes;       /* bulk */
    double seconds;       /* bulk: stop after that time, done or not */
    bool resume;          /* handshakes: with a session ticket */
    bool bare;            /* handshakes: no byte of the backend is waited for */
};

void load_handshakes(const struct load_options *options);
void load_round_trips(const struct load_options *options);
void load_down(const struct load_options *options);
void load_up(const struct load_options *options);
void load_idle(const struct load_options *options);
void load_busy(const struct load_options *options);

/* Opens a connection and has one message echoed, so that its backend is connected. */
SSL *load_open_used(SSL_CTX *context, uint16_t port);

/* Prints that the connections are open, and waits for a line of stdin. */
void load_say_open(uint64_t count, double begin);

#endif
