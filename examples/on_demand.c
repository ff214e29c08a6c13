/* A web server with one page, which shows the visitor's authenticated name.
 *
 *     on_demand CERTIFICATE KEY CA [PEER_NAME...]
 *
 * It requests no certificate in the handshake. When a visitor asks for a path that begins with
 * /secure/, it requests one over the same connection: in TLS 1.3 by post-handshake authentication,
 * in TLS 1.2 by a renegotiation. It listens on a free port of 127.0.0.1 and serves one visitor
 * after the other. */
#include "common/loopback.h"

#include <actpass.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { REQUEST_MAX = 8192, ANSWER_MS = 5000 };

static actpass_config *configure(int argc, char **argv)
{
    actpass_config *config = actpass_config_new();
    int failed = !config || actpass_config_set_role(config, ACTPASS_ROLE_SERVER) ||
                 actpass_config_set_identity(config, argv[1], argv[2]) ||
                 actpass_config_set_ca(config, argv[3]) ||
                 actpass_config_set_client_auth(config, ACTPASS_CLIENT_AUTH_ON_DEMAND) ||
                 actpass_config_set_timeout(config, ACTPASS_IDLE_TIMEOUT, 30000);
    for (int i = 4; !failed && i < argc; i++)
        failed = actpass_config_add_peer_name(config, argv[i]);
    if (!failed)
        return config;
    fprintf(stderr, "on_demand: %s\n", config ? actpass_config_error(config) : "out of memory");
    actpass_config_free(config);
    return NULL;
}

/* Reads up to the empty line that ends a request. Returns the length, or -1. */
static int64_t read_request(actpass_conn *conn, char *request)
{
    size_t have = 0;
    while (have < REQUEST_MAX - 1) {
        int64_t got = actpass_read(conn, request + have, REQUEST_MAX - 1 - have);
        if (got <= 0)
            return -1;
        have += (size_t)got;
        request[have] = '\0';
        if (strstr(request, "\r\n\r\n"))
            return (int64_t)have;
    }
    return -1;
}

static int answer(actpass_conn *conn)
{
    char text[2048];
    actpass_info_t info;
    actpass_info(conn, &info);
    int length = snprintf(text, sizeof(text),
                          "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
                          "You are %s, over %s.\n",
                          *info.peer_subject ? info.peer_subject : "nobody", info.protocol);
    if (length < 0 || (size_t)length >= sizeof(text))
        return -1;
    return actpass_write(conn, text, (size_t)length);
}

static void serve(actpass_conn *conn)
{
    char request[REQUEST_MAX];
    if (actpass_handshake(conn) == 0 && read_request(conn, request) > 0) {
        int secret = strncmp(request, "GET /secure/", strlen("GET /secure/")) == 0;
        /* A visitor without an accepted certificate gets an alert, and the connection ends. */
        if (!secret || actpass_request_certificate(conn, ANSWER_MS) == 0)
            (void)answer(conn);
    }
    actpass_end end = actpass_close(conn);
    printf("%s %s\n", actpass_end_name(end), actpass_error(conn));
    actpass_free(conn);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 4) {
        fprintf(stderr, "usage: on_demand CERTIFICATE KEY CA [PEER_NAME...]\n");
        return 2;
    }
    actpass_config *config = configure(argc, argv);
    int listener = config ? loopback_listen(0) : -1;
    while (listener >= 0) {
        /* Takes the socket, even if it fails. */
        actpass_conn *conn = actpass_accept_fd(config, loopback_accept(listener));
        if (!conn) {
            fprintf(stderr, "on_demand: %s\n", actpass_config_error(config));
            break;
        }
        serve(conn);
    }
    if (listener >= 0)
        close(listener);
    actpass_config_free(config);
    return 1;
}
