/* A peer on wolfSSL; see peer.h. */
#include "tests/interop/peer.h"

#include <string.h>
/* How the library was built, which its other headers need first. */
#include <wolfssl/options.h>

#include <wolfssl/ssl.h>

static int came_to(const char *what, WOLFSSL *tls, int result)
{
    int code = wolfSSL_get_error(tls, result);
    char text[WOLFSSL_MAX_ERROR_SZ];
    switch (code) {
    case WOLFSSL_ERROR_WANT_READ:
        return PEER_WANTS_READ;
    case WOLFSSL_ERROR_WANT_WRITE:
        return PEER_WANTS_WRITE;
    case WOLFSSL_ERROR_ZERO_RETURN:
        return PEER_CLOSED;
    default:
        wolfSSL_ERR_error_string_n((unsigned long)code, text, sizeof(text));
        return peer_fail(what, text);
    }
}

static WOLFSSL_METHOD *method_of(const struct peer_options *options)
{
    if (options->role == PEER_TLS_SERVER) {
        return options->version == PEER_TLS_1_2 ? wolfTLSv1_2_server_method()
                                                : wolfTLSv1_3_server_method();
    }
    return options->version == PEER_TLS_1_2 ? wolfTLSv1_2_client_method()
                                            : wolfTLSv1_3_client_method();
}

static WOLFSSL_CTX *make_context(const struct peer_options *options)
{
    WOLFSSL_CTX *context = wolfSSL_CTX_new(method_of(options));
    if (!context ||
        wolfSSL_CTX_load_verify_locations(context, options->ca, NULL) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_use_certificate_chain_file(context, options->certificate) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_use_PrivateKey_file(context, options->key, WOLFSSL_FILETYPE_PEM) !=
            WOLFSSL_SUCCESS) {
        wolfSSL_CTX_free(context);
        return NULL;
    }
    wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                           NULL);
    return context;
}

static void *open_session(const struct peer_options *options, int sock)
{
    wolfSSL_Init();
    WOLFSSL_CTX *context = make_context(options);
    if (!context) {
        peer_fail("open", "no context with this certificate, key and CA");
        return NULL;
    }
    WOLFSSL *tls = wolfSSL_new(context);
    wolfSSL_CTX_free(context); /* the session keeps it */
    if (!tls || wolfSSL_set_fd(tls, sock) != WOLFSSL_SUCCESS ||
        wolfSSL_check_domain_name(tls, options->name) != WOLFSSL_SUCCESS) {
        peer_fail("open", "no session");
        wolfSSL_free(tls);
        return NULL;
    }
    if (options->role == PEER_TLS_CLIENT) {
        wolfSSL_UseSNI(tls, WOLFSSL_SNI_HOST_NAME, options->name,
                       (unsigned short)strlen(options->name));
    }
    wolfSSL_set_using_nonblock(tls, 1);
    return tls;
}

static int handshake(void *tls)
{
    int result = wolfSSL_negotiate(tls); /* wolfSSL_accept or wolfSSL_connect */
    return result == WOLFSSL_SUCCESS ? PEER_DONE : came_to("handshake", tls, result);
}

static int read_some(void *tls, void *buffer, int size)
{
    int got = wolfSSL_read(tls, buffer, size);
    return got > 0 ? got : came_to("read", tls, got);
}

static int write_some(void *tls, const void *data, int size)
{
    int sent = wolfSSL_write(tls, data, size);
    return sent > 0 ? sent : came_to("write", tls, sent);
}

static int send_close(void *tls)
{
    int result = wolfSSL_shutdown(tls); /* 1 when the peer's has come, too */
    if (result == WOLFSSL_SUCCESS || result == WOLFSSL_SHUTDOWN_NOT_DONE)
        return PEER_DONE;
    return came_to("close_notify", tls, result);
}

static void release(void *tls)
{
    wolfSSL_free(tls);
    wolfSSL_Cleanup();
}

int main(int argc, char **argv)
{
    static const struct peer_stack stack = {open_session, handshake,  read_some,
                                            write_some,   send_close, release};
    return peer_main(argc, argv, &stack);
}
