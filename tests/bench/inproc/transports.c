/* The three ways to have TLS on an accepted socket: see inproc.h. */
#include "inproc.h"

#include "../common/client.h"
#include "server/include/actpass.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- actpass, on its public API ---- */

static void *actpass_setup(actpass_transport transport, const char *certificate, const char *key)
{
    actpass_config *config = actpass_config_new();
    if (!config)
        fail("actpass_config_new", "out of memory");
    if (actpass_config_set_role(config, ACTPASS_ROLE_SERVER) ||
        actpass_config_set_transport(config, transport) ||
        actpass_config_set_identity(config, certificate, key))
        fail("configuration", actpass_config_error(config));
    return config;
}

static void *relay_setup(const char *certificate, const char *key)
{
    return actpass_setup(ACTPASS_TRANSPORT_RELAY, certificate, key);
}

static void *direct_setup(const char *certificate, const char *key)
{
    return actpass_setup(ACTPASS_TRANSPORT_DIRECT, certificate, key);
}

static void config_teardown(void *config)
{
    actpass_config_free(config);
}

static void *conn_open(void *config, int fd)
{
    actpass_conn *conn = actpass_accept_fd(config, fd);
    if (!conn)
        fail("actpass_accept_fd", actpass_config_error(config));
    if (actpass_handshake(conn))
        fail("actpass_handshake", actpass_error(conn));
    return conn;
}

static size_t conn_read(void *conn, void *buffer, size_t size)
{
    int64_t got = actpass_read(conn, buffer, size);
    if (got < 0)
        fail("actpass_read", actpass_error(conn));
    return (size_t)got;
}

static void conn_write(void *conn, const void *data, size_t size)
{
    if (actpass_write(conn, data, size))
        fail("actpass_write", actpass_error(conn));
}

static void conn_close(void *conn)
{
    if (actpass_close(conn) != ACTPASS_CLEAN)
        fail("actpass_close", actpass_error(conn));
    actpass_free(conn);
}

/* ---- Plain SSL on the socket ---- */

static void *plain_setup(const char *certificate, const char *key)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context || SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        fail("TLS context", NULL);
    SSL_CTX_set_num_tickets(context, 0); /* as actpass without resumption */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    return context;
}

static void plain_teardown(void *context)
{
    SSL_CTX_free(context);
}

static void *plain_open(void *context, int fd)
{
    SSL *ssl = SSL_new(context);
    if (!ssl || !SSL_set_fd(ssl, fd) || SSL_accept(ssl) != 1)
        fail("SSL_accept", NULL);
    return ssl;
}

static size_t plain_read(void *ssl, void *buffer, size_t size)
{
    size_t got;
    if (SSL_read_ex(ssl, buffer, size, &got))
        return got;
    if (SSL_get_error(ssl, 0) != SSL_ERROR_ZERO_RETURN)
        fail("SSL_read", NULL);
    return 0;
}

static void plain_write(void *ssl, const void *data, size_t size)
{
    size_t written;
    if (!SSL_write_ex(ssl, data, size, &written))
        fail("SSL_write", NULL);
}

static void plain_close(void *ssl)
{
    char rest[4096];
    int fd = SSL_get_fd(ssl);
    if (SSL_shutdown(ssl) < 0 || shutdown(fd, SHUT_WR))
        fail("SSL_shutdown", NULL);
    while (plain_read(ssl, rest, sizeof(rest)) > 0) {
    }
    while (recv(fd, rest, sizeof(rest), 0) > 0) {
    }
    SSL_free(ssl);
    close(fd);
}

const struct transport transports[TRANSPORT_COUNT] = {
    {"relay", relay_setup, config_teardown, conn_open, conn_read, conn_write, conn_close},
    {"direct", direct_setup, config_teardown, conn_open, conn_read, conn_write, conn_close},
    {"plain", plain_setup, plain_teardown, plain_open, plain_read, plain_write, plain_close},
};
