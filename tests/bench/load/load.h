/* The modes of the load generator. Each prints one JSON object on stdout; whatever fails ends the
 * program. */
#ifndef ACTPASS_BENCH_LOAD_H
#define ACTPASS_BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

struct load_options {
    uint16_t port;        /* of the server, on 127.0.0.1 */
    uint64_t count;       /* connections or round trips */
    uint64_t concurrency; /* handshakes at once */
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

#endif
