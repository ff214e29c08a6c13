/* A peer on mbedTLS; see peer.h. Debian 12 has 2.28, which has no TLS 1.3. */
#include "tests/interop/peer.h"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <stdlib.h>

struct session {
    mbedtls_ssl_context tls;
    mbedtls_ssl_config config;
    mbedtls_x509_crt ca;
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_net_context net;
};

static int came_to(const char *what, int code)
{
    char text[128];
    switch (code) {
    case MBEDTLS_ERR_SSL_WANT_READ:
        return PEER_WANTS_READ;
    case MBEDTLS_ERR_SSL_WANT_WRITE:
        return PEER_WANTS_WRITE;
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
        return PEER_CLOSED;
    case 0:
        return peer_fail(what, "end of stream without close_notify");
    default:
        mbedtls_strerror(code, text, sizeof(text));
        return peer_fail(what, text);
    }
}

static void init(struct session *session, int sock)
{
    mbedtls_ssl_init(&session->tls);
    mbedtls_ssl_config_init(&session->config);
    mbedtls_x509_crt_init(&session->ca);
    mbedtls_x509_crt_init(&session->chain);
    mbedtls_pk_init(&session->key);
    mbedtls_entropy_init(&session->entropy);
    mbedtls_ctr_drbg_init(&session->random);
    session->net.fd = sock;
}

static void release(void *pointer)
{
    struct session *session = pointer;
    mbedtls_ssl_free(&session->tls);
    mbedtls_ssl_config_free(&session->config);
    mbedtls_x509_crt_free(&session->ca);
    mbedtls_x509_crt_free(&session->chain);
    mbedtls_pk_free(&session->key);
    mbedtls_ctr_drbg_free(&session->random);
    mbedtls_entropy_free(&session->entropy);
    free(session);
}

static int load_files(struct session *session, const struct peer_options *options)
{
    int code =
        mbedtls_ctr_drbg_seed(&session->random, mbedtls_entropy_func, &session->entropy, NULL, 0);
    code = code ? code : mbedtls_x509_crt_parse_file(&session->ca, options->ca);
    code = code ? code : mbedtls_x509_crt_parse_file(&session->chain, options->certificate);
    return code ? code : mbedtls_pk_parse_keyfile(&session->key, options->key, NULL);
}

static int set_up(struct session *session, const struct peer_options *options)
{
    mbedtls_ssl_config *config = &session->config;
    int code = mbedtls_ssl_config_defaults(
        config, options->role == PEER_TLS_SERVER ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
        MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(config, &session->ca, NULL);
    mbedtls_ssl_conf_rng(config, mbedtls_ctr_drbg_random, &session->random);
    code = code ? code : mbedtls_ssl_conf_own_cert(config, &session->chain, &session->key);
    code = code ? code : mbedtls_ssl_setup(&session->tls, config);
    code = code ? code : mbedtls_ssl_set_hostname(&session->tls, options->name);
    mbedtls_ssl_set_bio(&session->tls, &session->net, mbedtls_net_send, mbedtls_net_recv, NULL);
    return code;
}

static void *open_session(const struct peer_options *options, int sock)
{
    if (options->version == PEER_TLS_1_3) {
        peer_fail("open", "this version of mbedTLS has no TLS 1.3");
        return NULL;
    }
    struct session *session = calloc(1, sizeof(*session));
    if (!session)
        abort();
    init(session, sock);
    int code = load_files(session, options);
    code = code ? code : set_up(session, options);
    if (code) {
        came_to("open", code);
        release(session);
        return NULL;
    }
    return session;
}

static int handshake(void *pointer)
{
    struct session *session = pointer;
    int code = mbedtls_ssl_handshake(&session->tls);
    return code ? came_to("handshake", code) : PEER_DONE;
}

static int read_some(void *pointer, void *buffer, int size)
{
    struct session *session = pointer;
    int got = mbedtls_ssl_read(&session->tls, buffer, (size_t)size);
    return got > 0 ? got : came_to("read", got);
}

static int write_some(void *pointer, const void *data, int size)
{
    struct session *session = pointer;
    int sent = mbedtls_ssl_write(&session->tls, data, (size_t)size);
    return sent > 0 ? sent : came_to("write", sent);
}

static int send_close(void *pointer)
{
    struct session *session = pointer;
    int code = mbedtls_ssl_close_notify(&session->tls);
    return code ? came_to("close_notify", code) : PEER_DONE;
}

int main(int argc, char **argv)
{
    static const struct peer_stack stack = {open_session, handshake,  read_some,
                                            write_some,   send_close, release};
    return peer_main(argc, argv, &stack);
}
