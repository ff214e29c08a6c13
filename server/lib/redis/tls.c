#include "server/lib/redis/tls.h"

#include "server/lib/base/error.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct redis_tls {
    SSL_CTX *ctx;
    BIO_METHOD *method;
    char *host; /* a name, or a numeric address */
};

/* ---- A BIO that raises no SIGPIPE, as OpenSSL's own does ----------------------------------- */

static int fd_of(BIO *bio)
{
    return (int)(intptr_t)BIO_get_data(bio);
}

static int bio_write(BIO *bio, const char *data, int size)
{
    BIO_clear_retry_flags(bio);
    ssize_t sent = send(fd_of(bio), data, (size_t)size, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_write(bio);
    return (int)sent;
}

static int bio_read(BIO *bio, char *buffer, int size)
{
    BIO_clear_retry_flags(bio);
    ssize_t got = recv(fd_of(bio), buffer, (size_t)size, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_read(bio);
    return (int)got;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH; /* hazard 4 */
}

/* Uses no type number of its own: OpenSSL has only 127 (BIO_get_new_index), and only BIO_find_type
 * needs one. */
static BIO_METHOD *make_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "redis");
    if (method && BIO_meth_set_write(method, bio_write) == 1 &&
        BIO_meth_set_read(method, bio_read) == 1 && BIO_meth_set_ctrl(method, bio_ctrl) == 1)
        return method;
    BIO_meth_free(method);
    return NULL;
}

/* ---- New and free --------------------------------------------------------------------------- */

static bool set_trust(SSL_CTX *ctx, const struct config_sessions *where,
                      const struct redis_words *words, struct error_text *error)
{
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (where->ca_system ? SSL_CTX_set_default_verify_paths(ctx) != 1
                         : SSL_CTX_load_verify_file(ctx, where->ca) != 1)
        return error_set(error, "%s %s cannot be used: it must be a PEM file with CAs",
                         words->ca_key, where->ca_system ? "system" : where->ca);
    return true;
}

/* Ignores the subject's common name (RFC 9525 section 6.3). */
static bool set_name(SSL_CTX *ctx, const char *host)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                               X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1 ||
           X509_VERIFY_PARAM_set1_host(param, host, 0) == 1;
}

static bool set_up(struct redis_tls *tls, const struct config_sessions *where,
                   const struct redis_words *words, struct error_text *error)
{
    if (!tls->ctx || !tls->method || !tls->host ||
        SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION) != 1 ||
        !set_name(tls->ctx, tls->host))
        return error_set(error, "out of memory for %s", words->title);
    SSL_CTX_set_mode(tls->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return set_trust(tls->ctx, where, words, error);
}

void redis_tls_free(struct redis_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->ctx);
    BIO_meth_free(tls->method);
    free(tls->host);
    free(tls);
}

struct redis_tls *redis_tls_new(const struct config_sessions *where,
                                const struct redis_words *words, struct error_text *error)
{
    struct redis_tls *tls = calloc(1, sizeof(*tls));
    if (!tls) {
        error_set(error, "out of memory for %s", words->title);
        return NULL;
    }
    ERR_clear_error();
    tls->ctx = SSL_CTX_new(TLS_client_method());
    tls->method = make_method();
    tls->host = strdup(where->host);
    bool done = set_up(tls, where, words, error);
    ERR_clear_error();
    if (done)
        return tls;
    redis_tls_free(tls);
    return NULL;
}

SSL *redis_tls_open(struct redis_tls *tls, int fd)
{
    SSL *ssl = SSL_new(tls->ctx);
    BIO *bio = ssl ? BIO_new(tls->method) : NULL;
    if (!bio) {
        SSL_free(ssl);
        return NULL;
    }
    BIO_set_data(bio, (void *)(intptr_t)fd);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_connect_state(ssl);
    ASN1_OCTET_STRING *ip =
        a2i_IPADDRESS(tls->host); /* an address is not a server name: RFC 6066 */
    bool numeric = ip;
    ASN1_OCTET_STRING_free(ip);
    if (numeric || SSL_set_tlsext_host_name(ssl, tls->host) == 1)
        return ssl;
    SSL_free(ssl);
    return NULL;
}

/* ---- Input and output ----------------------------------------------------------------------- */

/* Did the stream end without close_notify? OpenSSL reports it by this reason, or, from 4.0 on and
 * from the second call on, by nothing. */
static bool is_end_of_stream(void)
{
    unsigned long error = ERR_peek_error();
    return error == 0 || (ERR_GET_LIB(error) == ERR_LIB_SSL &&
                          ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING);
}

/* -1 with errno. */
static int result_of(SSL *ssl, int result, short *events)
{
    int error = errno;
    int kind = SSL_get_error(ssl, result);
    bool again = kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE;
    *events = kind == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
    if (again)
        errno = EAGAIN;
    else if (kind == SSL_ERROR_SYSCALL && error)
        errno = error;
    else
        errno = kind == SSL_ERROR_SSL && !is_end_of_stream() ? EPROTO : ECONNRESET;
    return -1;
}

static int fail_shake(const SSL *ssl, const struct redis_words *words, struct error_text *problem)
{
    long verified = SSL_get_verify_result(ssl);
    unsigned long error = ERR_peek_error();
    const char *reason = error ? ERR_reason_error_string(error) : NULL;
    if (verified != X509_V_OK)
        error_set(problem,
                  "%s: its certificate is not accepted: %s; check %s and the host in the URL",
                  words->title, X509_verify_cert_error_string(verified), words->ca_key);
    else
        error_set(problem, "%s: the TLS handshake failed: %s; does it speak TLS at that port?",
                  words->title, reason ? reason : strerror(errno));
    ERR_clear_error();
    return -1;
}

int redis_tls_shake(SSL *ssl, const struct redis_words *words, short *events,
                    struct error_text *problem)
{
    ERR_clear_error();
    int result = SSL_do_handshake(ssl);
    if (result == 1)
        return 1;
    (void)result_of(ssl, result, events);
    return errno == EAGAIN ? 0 : fail_shake(ssl, words, problem);
}

ssize_t redis_tls_send(SSL *ssl, const void *data, size_t size, short *events)
{
    size_t sent = 0;
    ERR_clear_error();
    int result = SSL_write_ex(ssl, data, size, &sent);
    if (result == 1)
        return (ssize_t)sent;
    int failed = result_of(ssl, result, events);
    ERR_clear_error();
    return failed;
}

ssize_t redis_tls_recv(SSL *ssl, void *buffer, size_t size, short *events)
{
    size_t got = 0;
    ERR_clear_error();
    int result = SSL_read_ex(ssl, buffer, size, &got);
    if (result == 1)
        return (ssize_t)got;
    int failed = result_of(ssl, result, events);
    ERR_clear_error();
    return failed;
}
