/* The peer of the in-process benchmark: see inproc.h. */
#include "inproc.h"

#include "../common/client.h"
#include "../common/times.h"

#include <stdlib.h>

static void handshakes(SSL_CTX *context, struct peer_job *job)
{
    char byte;
    for (uint64_t i = 0; i < job->amount; i++) {
        SSL *ssl = client_open(context, job->port);
        client_read_some(ssl, &byte, 1); /* the server closes first */
        client_close(ssl);
    }
}

static void ping(SSL_CTX *context, struct peer_job *job)
{
    char message[MESSAGE_SIZE] = "";
    SSL *ssl = client_open(context, job->port);
    double *times = calloc(job->amount, sizeof(*times));
    if (!times)
        fail("peer", "out of memory");
    for (uint64_t i = 0; i < job->amount; i++) {
        double sent = now();
        client_write(ssl, message, sizeof(message));
        client_read(ssl, message, sizeof(message));
        times[i] = now() - sent;
    }
    client_close(ssl);
    job->p50_us = percentile(times, job->amount, 0.5) * 1e6;
    job->p99_us = percentile(times, job->amount, 0.99) * 1e6;
    free(times);
}

static void take(SSL_CTX *context, struct peer_job *job)
{
    char *chunk = malloc(CHUNK_SIZE);
    SSL *ssl = client_open(context, job->port);
    uint64_t have = 0;
    size_t got;
    if (!chunk)
        fail("peer", "out of memory");
    while ((got = client_read_some(ssl, chunk, CHUNK_SIZE)) > 0)
        have += got;
    if (have != job->amount)
        fail("peer", "bytes are missing");
    client_close(ssl);
    free(chunk);
}

static void give(SSL_CTX *context, struct peer_job *job)
{
    char *chunk = calloc(1, CHUNK_SIZE);
    SSL *ssl = client_open(context, job->port);
    if (!chunk)
        fail("peer", "out of memory");
    for (uint64_t left = job->amount; left > 0;) {
        size_t size = left < CHUNK_SIZE ? (size_t)left : CHUNK_SIZE;
        client_write(ssl, chunk, size);
        left -= size;
    }
    client_read_some(ssl, chunk, 1); /* the server closes first, when it has it all */
    client_close(ssl);
    free(chunk);
}

void *peer_run(void *peer_job)
{
    static void (*const by_measure[MEASURE_COUNT])(SSL_CTX *, struct peer_job *) = {
        handshakes, ping, take, give};
    struct peer_job *job = peer_job;
    double begin = clock_seconds(CLOCK_THREAD_CPUTIME_ID);
    SSL_CTX *context = client_context();
    if (job->measure == MEASURE_DOWN) {
        SSL_CTX_set_read_ahead(context, 1);
        SSL_CTX_set_default_read_buffer_len(context, CHUNK_SIZE);
    }
    by_measure[job->measure](context, job);
    SSL_CTX_free(context);
    job->cpu_seconds = clock_seconds(CLOCK_THREAD_CPUTIME_ID) - begin;
    return NULL;
}
