/* Existing blocking OpenSSL code on the library. It gains deadlines, cancellation, and a TLS role
 * that is decided at run time.
 *
 *     legacy CERTIFICATE KEY CA PEER_NAME
 *
 * It serves connections on a free port of 127.0.0.1, one after the other. */
#include "common/loopback.h"

#include <actpass.h>

#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- The old code. It blocks, uses OpenSSL only, and answers each line with its length. ---- */

static int answer_line(SSL *ssl, const char *line)
{
    char answer[64];
    int length = snprintf(answer, sizeof(answer), "%zu bytes\n", strlen(line));
    return SSL_write(ssl, answer, length) == length;
}

static void answer_lines(SSL *ssl)
{
    char line[256];
    size_t used = 0;
    char byte;
    int result = SSL_read(ssl, &byte, 1);
    while (result == 1) {
        line[used++] = byte;
        if (byte == '\n') {
            line[used - 1] = '\0';
            used = 0;
            if (!answer_line(ssl, line))
                return;
        }
        if (used == sizeof(line)) /* too long */
            return;
        result = SSL_read(ssl, &byte, 1);
    }
    /* After a failure OpenSSL allows no further call. */
    if (SSL_get_error(ssl, result) == SSL_ERROR_ZERO_RETURN)
        (void)SSL_shutdown(ssl);
}

/* ---- The new code around it ------------------------------------------------------------------ */

static actpass_config *configure(char **argv)
{
    actpass_config *config = actpass_config_new();
    if (config && actpass_config_set_identity(config, argv[1], argv[2]) == 0 &&
        actpass_config_set_ca(config, argv[3]) == 0 &&
        actpass_config_add_peer_name(config, argv[4]) == 0 &&
        /* A peer that acts as TLS client needs no certificate here; a TLS server always has one.
         * To authenticate the peer in either role, use ACTPASS_CLIENT_AUTH_REQUIRE. */
        actpass_config_set_client_auth(config, ACTPASS_CLIENT_AUTH_NONE) == 0 &&
        /* If the peer sends nothing for one second, we act as TLS client. If it sends nothing for
         * ten seconds later on, SSL_read fails instead of blocking for ever. */
        actpass_config_set_timeout(config, ACTPASS_INITIAL_DATA_TIMEOUT, 1000) == 0 &&
        actpass_config_set_timeout(config, ACTPASS_IDLE_TIMEOUT, 10000) == 0)
        return config;
    fprintf(stderr, "legacy: %s\n", config ? actpass_config_error(config) : "out of memory");
    actpass_config_free(config);
    return NULL;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 5) {
        fprintf(stderr, "usage: legacy CERTIFICATE KEY CA PEER_NAME\n");
        return 2;
    }
    actpass_config *config = configure(argv);
    int listener = config ? loopback_listen(0) : -1;
    while (listener >= 0) {
        /* Takes the socket, even if it fails. Was: SSL_new, SSL_set_fd. */
        actpass_conn *conn = actpass_accept_fd(config, loopback_accept(listener));
        if (!conn) {
            fprintf(stderr, "legacy: %s\n", actpass_config_error(config));
            break;
        }
        if (actpass_handshake(conn) == 0) /* was: SSL_accept */
            answer_lines(actpass_ssl(conn));
        actpass_end end = actpass_close(conn); /* was: SSL_free, close */
        printf("%s %s\n", actpass_end_name(end), actpass_error(conn));
        actpass_free(conn);
    }
    if (listener >= 0)
        close(listener);
    actpass_config_free(config);
    return 1;
}
