/* An HTTPS server: wserver2 of "An Introduction to OpenSSL Programming, part II" (Linux Journal,
 * October 2001), on actpass. It listens on 127.0.0.1 and has one page.
 *
 *     wserver [-p PORT] [-c | -C | -x] [-n] [-a CIPHERS] [--ciphersuites SUITES]
 *             [--cert FILE] [--key FILE] [--ca FILE] [--allow NAME]...
 *
 *     -p              the port; default 4433; 0 takes a free one
 *     -c              request a client certificate, but accept clients without one
 *     -C              require a client certificate
 *     -x              require one, but only after the request has been read
 *     -n              serve one connection after the other, without threads
 *     -a              ciphers for TLS 1.2; --ciphersuites: those for TLS 1.3
 *     --cert, --key   certificate chain and key; default: server.pem has both
 *     --ca            the CA of client certificates; default root.pem
 *     --allow         a name that a client's certificate may have; without it any name will do */
#include "common/loopback.h"

#include <actpass.h>

#include <getopt.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
    const char *ciphers, *ciphersuites, *certificate, *key, *ca;
    const char *allowed[16];
    size_t allowed_count;
    unsigned short port;
    actpass_client_auth client_auth;
    bool one_process;
};

static bool read_port(const char *text, unsigned short *port)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    *port = (unsigned short)number;
    return *text >= '0' && *text <= '9' && *end == '\0' && number <= 65535;
}

static bool allow(struct options *options, const char *name)
{
    if (options->allowed_count == sizeof(options->allowed) / sizeof(options->allowed[0]))
        return false;
    options->allowed[options->allowed_count++] = name;
    return true;
}

/* Where the argument of an option goes as it is. NULL: it is not such an option. */
static const char **argument_of(struct options *options, int option)
{
    switch (option) {
    case 'a':
        return &options->ciphers;
    case 's':
        return &options->ciphersuites;
    case 'e':
        return &options->certificate;
    case 'k':
        return &options->key;
    case 'A':
        return &options->ca;
    default:
        return NULL;
    }
}

static bool set_option(struct options *options, int option)
{
    const char **argument = argument_of(options, option);
    if (argument)
        *argument = optarg;
    else if (option == 'p')
        return read_port(optarg, &options->port);
    else if (option == 'l')
        return allow(options, optarg);
    else if (option == 'c')
        options->client_auth = ACTPASS_CLIENT_AUTH_REQUEST;
    else if (option == 'C')
        options->client_auth = ACTPASS_CLIENT_AUTH_REQUIRE;
    else if (option == 'x')
        options->client_auth = ACTPASS_CLIENT_AUTH_ON_DEMAND;
    else if (option == 'n')
        options->one_process = true;
    else
        return false;
    return true;
}

static bool read_options(int argc, char **argv, struct options *options)
{
    static const struct option longer[] = {
        {"ciphersuites", required_argument, NULL, 's'}, {"cert", required_argument, NULL, 'e'},
        {"key", required_argument, NULL, 'k'},          {"ca", required_argument, NULL, 'A'},
        {"allow", required_argument, NULL, 'l'},        {0}};
    *options = (struct options){.port = 4433, .certificate = "server.pem", .ca = "root.pem"};
    for (;;) {
        int option = getopt_long(argc, argv, "p:cCxna:", longer, NULL);
        if (option == -1)
            break;
        if (!set_option(options, option))
            return false;
    }
    options->key = options->key ? options->key : options->certificate;
    return optind == argc;
}

/* The article's "Client authentication": the trusted CA, whether to request a certificate, and the
 * list of accepted names. The article also sets a session-id context, so that a session without
 * client authentication cannot be resumed where authentication is required. The library does that
 * by itself; the context depends on these settings. */
static int set_clients(actpass_config *config, const struct options *options)
{
    if (options->client_auth == ACTPASS_CLIENT_AUTH_NONE)
        return 0;
    if (actpass_config_set_client_auth(config, options->client_auth) != 0 ||
        actpass_config_set_ca(config, options->ca) != 0)
        return -1;
    for (size_t i = 0; i < options->allowed_count; i++)
        if (actpass_config_add_peer_name(config, options->allowed[i]) != 0)
            return -1;
    return 0;
}

static actpass_config *configure(const struct options *options)
{
    actpass_config *config = actpass_config_new();
    if (config && actpass_config_set_role(config, ACTPASS_ROLE_SERVER) == 0 &&
        actpass_config_set_identity(config, options->certificate, options->key) == 0 &&
        actpass_config_set_ciphers(config, options->ciphers, options->ciphersuites) == 0 &&
        actpass_config_set_timeout(config, ACTPASS_IDLE_TIMEOUT, 30000) == 0 &&
        set_clients(config, options) == 0)
        return config;
    fprintf(stderr, "wserver: %s\n", config ? actpass_config_error(config) : "out of memory");
    actpass_config_free(config);
    return NULL;
}

/* Reads up to the empty line that ends the request. A request that does not fit is an error. */
static int read_request(actpass_conn *conn)
{
    char request[8192];
    size_t length = 0;
    while (length < sizeof(request) - 1) {
        int64_t got = actpass_read(conn, request + length, sizeof(request) - 1 - length);
        if (got <= 0)
            return -1;
        length += (size_t)got;
        request[length] = '\0';
        if (strstr(request, "\r\n\r\n"))
            return 0;
    }
    return -1;
}

static int answer(actpass_conn *conn)
{
    char text[1024];
    actpass_info_t info;
    actpass_info(conn, &info);
    int length = snprintf(text, sizeof(text),
                          "HTTP/1.0 200 OK\r\nServer: wserver\r\nContent-Type: text/plain\r\n\r\n"
                          "Server test page\n%s, %s session\nclient: %.500s\n",
                          info.protocol, info.resumed ? "resumed" : "new",
                          info.peer_subject[0] ? info.peer_subject : "not authenticated");
    return actpass_write(conn, text, (size_t)length);
}

struct job {
    actpass_conn *conn;
    bool on_demand;
};

/* Serves one connection. With -x it requests the certificate once it has read the request, as in
 * the article's "Rehandshake on the server", so that only a part of a site needs one. TLS 1.2 does
 * this by a renegotiation, TLS 1.3 by a message of its own. The article's loops around
 * SSL_renegotiate are inside the call. A client that sends no certificate is REFUSED. */
static void converse(const struct job *job)
{
    actpass_conn *conn = job->conn;
    if (actpass_handshake(conn) == 0 && read_request(conn) == 0 &&
        (!job->on_demand || actpass_request_certificate(conn, 30000) == 0))
        (void)answer(conn); /* actpass_close reports a failure */
    actpass_end end = actpass_close(conn);
    actpass_info_t info;
    actpass_info(conn, &info);
    printf("%s, %s session, client %s%s%s\n", actpass_end_name(end),
           info.resumed ? "resumed" : "new",
           info.peer_subject[0] ? info.peer_subject : "not authenticated",
           actpass_error(conn)[0] ? ": " : "", actpass_error(conn));
    actpass_free(conn);
}

static void *run(void *arg)
{
    struct job job = *(struct job *)arg;
    free(arg);
    converse(&job);
    return NULL;
}

/* The article forks for each connection, and the child's sessions are lost with it. Threads share
 * their sessions. */
static void start(struct job job)
{
    pthread_t thread;
    struct job *copy = malloc(sizeof(*copy));
    if (copy) {
        *copy = job;
        if (pthread_create(&thread, NULL, run, copy) == 0) {
            (void)pthread_detach(thread); /* cannot fail: it was just made */
            return;
        }
    }
    free(copy);
    actpass_free(job.conn);
}

/* Returns only when the configuration turns out to be unusable. */
static void serve(actpass_config *config, int listener, const struct options *options)
{
    for (;;) {
        /* actpass_accept_fd takes the socket, even if it fails. */
        struct job job = {.conn = actpass_accept_fd(config, loopback_accept(listener)),
                          .on_demand = options->client_auth == ACTPASS_CLIENT_AUTH_ON_DEMAND};
        if (!job.conn) {
            fprintf(stderr, "wserver: %s\n", actpass_config_error(config));
            return;
        }
        if (options->one_process)
            converse(&job);
        else
            start(job);
    }
}

int main(int argc, char **argv)
{
    struct options options;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!read_options(argc, argv, &options)) {
        fprintf(stderr, "usage: wserver [-p PORT] [-c | -C | -x] [-n] [-a CIPHERS] [--ciphersuites "
                        "SUITES] [--cert FILE] [--key FILE] [--ca FILE] [--allow NAME]...\n");
        return 2;
    }
    actpass_config *config = configure(&options);
    int listener = config ? loopback_listen(options.port) : -1;
    if (listener >= 0) {
        serve(config, listener, &options);
        close(listener);
    }
    actpass_config_free(config);
    return listener < 0 ? 2 : 1;
}
