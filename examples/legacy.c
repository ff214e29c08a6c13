/* Existing blocking OpenSSL code on the library: what it gains are deadlines, cancellation, and a
 * role that it need not know beforehand.
 *
 *     legacy CERTIFICATE KEY CA PEER_NAME
 *
 * Serves connections on a free port of 127.0.0.1, one after the other. */
#include <actpass.h>

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- The old code: plain, blocking, ignorant of actpass. It answers each line with its length. */

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
    while (SSL_read(ssl, &byte, 1) == 1) {
        if (byte != '\n' && used < sizeof(line) - 1) {
            line[used++] = byte;
            continue;
        }
        line[used] = '\0';
        used = 0;
        if (!answer_line(ssl, line))
            return;
    }
    SSL_shutdown(ssl);
}

/* ---- What is new around it --------------------------------------------------------------------
 */

static actpass_config *configure(char **argv)
{
    actpass_config *config = actpass_config_new();
    if (!config)
        return NULL;
    if (actpass_config_set_identity(config, argv[1], argv[2]) == 0 &&
        actpass_config_set_ca(config, argv[3]) == 0 &&
        actpass_config_add_peer_name(config, argv[4]) == 0 &&
        /* A peer that comes as TLS client needs no certificate here, and one that is TLS server
         * always has one. Where the peer must be known in either role: ACTPASS_CLIENT_AUTH_REQUIRE.
         */
        actpass_config_set_client_auth(config, ACTPASS_CLIENT_AUTH_NONE) == 0 &&
        /* A peer that is silent for a second is a TLS server; one that then goes on to say nothing
         * for ten makes SSL_read fail, instead of blocking for ever. */
        actpass_config_set_timeout(config, ACTPASS_INITIAL_DATA_TIMEOUT, 1000) == 0 &&
        actpass_config_set_timeout(config, ACTPASS_IDLE_TIMEOUT, 10000) == 0)
        return config;
    fprintf(stderr, "legacy: %s\n", actpass_config_error(config));
    actpass_config_free(config);
    return NULL;
}

static int listen_on_loopback(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, 16) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        perror("legacy: cannot listen");
        return -1;
    }
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    return fd;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 5) {
        fprintf(stderr, "usage: legacy CERTIFICATE KEY CA PEER_NAME\n");
        return 2;
    }
    actpass_config *config = configure(argv);
    int listener = config ? listen_on_loopback() : -1;
    for (int fd; listener >= 0 && (fd = accept(listener, NULL, NULL)) >= 0;) {
        actpass_conn *conn = actpass_accept_fd(config, fd); /* was: SSL_new, SSL_set_fd */
        if (!conn)
            break;
        if (actpass_handshake(conn) == 0) /* was: SSL_accept */
            answer_lines(actpass_ssl(conn));
        actpass_end end = actpass_close(conn); /* was: SSL_free, close */
        printf("%s %s\n", actpass_end_name(end), actpass_error(conn));
        actpass_free(conn);
    }
    actpass_config_free(config);
    return 1;
}
