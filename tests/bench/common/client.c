/* The TLS client: see client.h. */
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

_Noreturn void fail(const char *what, const char *why)
{
    int error = errno;
    unsigned long code = ERR_get_error();
    char text[256] = "it ended";
    if (code)
        ERR_error_string_n(code, text, sizeof(text));
    else if (error)
        snprintf(text, sizeof(text), "%s", strerror(error));
    fprintf(stderr, "bench: %s: %s\n", what, why ? why : text);
    exit(1);
}

/* SSL_VERIFY_NONE alone still verifies the chain and ignores the result. */
static int accept_any_chain(X509_STORE_CTX *store, void *arg)
{
    (void)arg;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

SSL_CTX *client_context(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context || !SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) ||
        !SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") ||
        !SSL_CTX_set1_groups_list(context, "X25519"))
        fail("TLS context", NULL);
    SSL_CTX_set_cert_verify_callback(context, accept_any_chain, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return context;
}

int client_dial(uint16_t port, bool blocking)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK), 0);
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
        fail("socket", NULL);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) && errno != EINPROGRESS)
        fail("connect", NULL);
    return fd;
}

SSL *client_attach(SSL_CTX *context, int fd)
{
    SSL *ssl = SSL_new(context);
    if (!ssl || !SSL_set_fd(ssl, fd))
        fail("SSL object", NULL);
    SSL_set_connect_state(ssl);
    return ssl;
}

SSL *client_open(SSL_CTX *context, uint16_t port)
{
    SSL *ssl = client_attach(context, client_dial(port, true));
    if (SSL_connect(ssl) != 1)
        fail("handshake", NULL);
    return ssl;
}

void client_request(SSL *ssl, enum request what, uint64_t bytes)
{
    unsigned char request[REQUEST_SIZE];
    request_write(request, what, bytes);
    client_write(ssl, request, sizeof(request));
}

void client_write(SSL *ssl, const void *data, size_t size)
{
    size_t written;
    if (!SSL_write_ex(ssl, data, size, &written) || written != size)
        fail("write", NULL);
}

size_t client_read_some(SSL *ssl, void *data, size_t size)
{
    size_t got = 0;
    if (!SSL_read_ex(ssl, data, size, &got) && SSL_get_error(ssl, 0) != SSL_ERROR_ZERO_RETURN)
        fail("read", NULL);
    return got;
}

void client_read(SSL *ssl, void *data, size_t size)
{
    size_t have = 0;
    while (have < size) {
        size_t got = client_read_some(ssl, (char *)data + have, size - have);
        if (got == 0)
            fail("read", "the peer closed early");
        have += got;
    }
}

void client_close(SSL *ssl)
{
    int fd = SSL_get_fd(ssl);
    char rest[4096];
    SSL_shutdown(ssl);
    shutdown(fd, SHUT_WR);
    while (recv(fd, rest, sizeof(rest), 0) > 0) {
    }
    SSL_free(ssl);
    close(fd);
}
