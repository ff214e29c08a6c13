/* The modes that use few handshakes: round trips, bulk each way, and idle connections. */
#include "load.h"

#include "../common/client.h"
#include "../common/times.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_SIZE = 64, CHUNK_SIZE = 64 * 1024, CLOCK_EVERY = 64 };

void load_round_trips(const struct load_options *options)
{
    char message[MESSAGE_SIZE];
    SSL_CTX *context = client_context();
    double *times = calloc(options->count, sizeof(*times));
    if (!times)
        fail("memory", NULL);
    SSL *ssl = client_open(context, options->port);
    client_request(ssl, REQUEST_ECHO, 0);
    memset(message, 'm', sizeof(message));
    double begin = now();
    for (uint64_t i = 0; i < options->count; i++) {
        double sent = now();
        client_write(ssl, message, sizeof(message));
        client_read(ssl, message, sizeof(message));
        times[i] = now() - sent;
    }
    double seconds = now() - begin;
    client_close(ssl);
    printf("{\"count\": %lu, \"seconds\": %.6f, \"p50_us\": %.2f, \"p99_us\": %.2f}\n",
           options->count, seconds, percentile(times, options->count, 0.5) * 1e6,
           percentile(times, options->count, 0.99) * 1e6);
    free(times);
    SSL_CTX_free(context);
}

static void print_bulk(uint64_t bytes, double begin)
{
    printf("{\"bytes\": %lu, \"seconds\": %.6f}\n", bytes, now() - begin);
}

void load_down(const struct load_options *options)
{
    static char chunk[CHUNK_SIZE];
    SSL_CTX *context = client_context();
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, CHUNK_SIZE);
    SSL *ssl = client_open(context, options->port);
    client_request(ssl, REQUEST_SOURCE, options->bytes);
    uint64_t have = 0;
    double begin = now();
    for (unsigned i = 1; have < options->bytes; i++) {
        size_t got = client_read_some(ssl, chunk, sizeof(chunk));
        have += got;
        if (got == 0 || (i % CLOCK_EVERY == 0 && now() - begin > options->seconds))
            break;
    }
    print_bulk(have, begin);
    client_close(ssl);
    SSL_CTX_free(context);
}

void load_up(const struct load_options *options)
{
    static char chunk[CHUNK_SIZE];
    SSL_CTX *context = client_context();
    SSL *ssl = client_open(context, options->port);
    client_request(ssl, REQUEST_SINK, options->bytes);
    uint64_t sent = 0;
    double begin = now();
    while (sent < options->bytes && now() - begin < options->seconds) {
        uint64_t left = options->bytes - sent;
        size_t size = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
        client_write(ssl, chunk, size);
        sent += size;
    }
    if (sent == options->bytes)
        client_read(ssl, chunk, 1); /* the backend has it all */
    print_bulk(sent, begin);
    client_close(ssl);
    SSL_CTX_free(context);
}

SSL *load_open_used(SSL_CTX *context, uint16_t port)
{
    char message[MESSAGE_SIZE] = "";
    SSL *ssl = client_open(context, port);
    client_request(ssl, REQUEST_ECHO, 0);
    client_write(ssl, message, sizeof(message));
    client_read(ssl, message, sizeof(message));
    return ssl;
}

void load_say_open(uint64_t count, double begin)
{
    printf("{\"open\": %lu, \"seconds\": %.6f}\n", count, now() - begin);
    fflush(stdout);
    getchar();
}

/* Opens them, says so, and holds them until stdin says something. */
void load_idle(const struct load_options *options)
{
    SSL_CTX *context = client_context();
    SSL **connections = calloc(options->count, sizeof(SSL *));
    if (!connections)
        fail("memory", NULL);
    double begin = now();
    for (uint64_t i = 0; i < options->count; i++)
        connections[i] = load_open_used(context, options->port);
    load_say_open(options->count, begin);
    for (uint64_t i = 0; i < options->count; i++)
        client_close(connections[i]);
    free(connections);
    SSL_CTX_free(context);
}
