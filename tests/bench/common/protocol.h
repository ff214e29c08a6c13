/* What a client of the benchmark asks of its backend: the first nine bytes of a connection, one for
 * what it wants and eight, big-endian, for how many bytes. */
#ifndef ACTPASS_BENCH_PROTOCOL_H
#define ACTPASS_BENCH_PROTOCOL_H

#include <stdint.h>

enum { REQUEST_SIZE = 9 };
enum request {
    REQUEST_ECHO = 'e',   /* everything after the request comes back; the number does not count */
    REQUEST_SOURCE = 's', /* the backend sends that many bytes */
    REQUEST_SINK = 'k'    /* the backend takes that many bytes, then answers with one */
};

static inline void request_write(unsigned char out[REQUEST_SIZE], enum request what, uint64_t bytes)
{
    out[0] = (unsigned char)what;
    for (int i = 0; i < 8; i++)
        out[1 + i] = (unsigned char)(bytes >> (56 - 8 * i));
}

static inline uint64_t request_bytes(const unsigned char in[REQUEST_SIZE])
{
    uint64_t bytes = 0;
    for (int i = 0; i < 8; i++)
        bytes = bytes << 8 | in[1 + i];
    return bytes;
}

#endif
