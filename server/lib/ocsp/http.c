/* OpenSSL writes and reads HTTP on BIOs in memory, and the socket is ours: so each wait has our
 * deadline and can be cancelled, each byte is counted, and a write raises no SIGPIPE. What it reads
 * comes through a BIO pair: a memory BIO takes a line that has not come whole for one, and does not
 * ask to be called again (BIO_gets, which OpenSSL 3.5 reads header lines with). */
#include "server/lib/ocsp/http.h"

#include "relay/clock.h"
#include "server/lib/base/would_block.h"
#include "server/lib/ocsp/answer.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/http.h>
#include <string.h>
#include <sys/socket.h>

enum { LINE_MAX_BYTES = 8192, HEADERS_MAX = 16384, CHUNK = 4096, MORE = -1 };

struct exchange {
    const struct ocsp_http *http;
    BIO *out;
    BIO *in, *fed; /* a pair: OpenSSL reads from the one what is written to the other */
    OSSL_HTTP_REQ_CTX *talk;
    size_t received;
};

/* 0, or an errno. */
static int wait_for(const struct exchange *exchange, short events)
{
    struct pollfd set = {.fd = exchange->http->fd, .events = events};
    int error = 0;
    while (error == 0 && set.revents == 0)
        error = clock_now_us() < exchange->http->deadline_us
                    ? dial_wait(&exchange->http->wait, &set, 1, exchange->http->deadline_us)
                    : ETIMEDOUT;
    return error;
}

static int send_all(const struct exchange *exchange)
{
    char *bytes;
    long left = BIO_get_mem_data(exchange->out, &bytes);
    int error = 0;
    while (left > 0 && error == 0) {
        ssize_t sent = send(exchange->http->fd, bytes, (size_t)left, MSG_NOSIGNAL);
        if (sent > 0) {
            bytes += sent;
            left -= sent;
        } else if (would_block()) {
            error = wait_for(exchange, POLLOUT);
        } else {
            error = errno;
        }
    }
    (void)BIO_reset(exchange->out);
    return error;
}

static int receive(struct exchange *exchange)
{
    char chunk[CHUNK];
    ssize_t got = recv(exchange->http->fd, chunk, sizeof(chunk), 0);
    if (got < 0)
        return would_block() ? wait_for(exchange, POLLIN) : errno;
    if (got == 0)
        (void)BIO_shutdown_wr(exchange->fed);
    exchange->received += (size_t)got;
    if (exchange->received > OCSP_ANSWER_MAX + HEADERS_MAX)
        return EMSGSIZE;
    return got == 0 || BIO_write(exchange->fed, chunk, (int)got) == (int)got ? 0 : ENOBUFS;
}

static bool prepare(struct exchange *exchange, OCSP_REQUEST *request)
{
    const struct config_http_url *url = exchange->http->url;
    exchange->out = BIO_new(BIO_s_mem());
    if (!exchange->out || BIO_new_bio_pair(&exchange->in, CHUNK, &exchange->fed, CHUNK) != 1)
        return false;
    exchange->talk = OSSL_HTTP_REQ_CTX_new(exchange->out, exchange->in, LINE_MAX_BYTES);
    if (!exchange->talk)
        return false;
    OSSL_HTTP_REQ_CTX_set_max_response_length(exchange->talk, OCSP_ANSWER_MAX);
    return OSSL_HTTP_REQ_CTX_set_request_line(exchange->talk, 1, NULL, NULL, url->path) == 1 &&
           OSSL_HTTP_REQ_CTX_add1_header(exchange->talk, "Host", url->address.text) == 1 &&
           OSSL_HTTP_REQ_CTX_set_expected(exchange->talk, "application/ocsp-response", 1, 0, 0) ==
               1 &&
           OSSL_HTTP_REQ_CTX_set1_req(exchange->talk, "application/ocsp-request",
                                      ASN1_ITEM_rptr(OCSP_REQUEST),
                                      (const ASN1_VALUE *)request) == 1;
}

static bool fail(int error, struct error_text *text)
{
    char buffer[128];
    if (error == ECANCELED)
        return error_set(text, "it is not waited for any more");
    if (error == ETIMEDOUT)
        return error_set(text, "it has not answered in time");
    if (error == EMSGSIZE)
        return error_set(text, "it sends more than an OCSP response can have");
    return error_set(text, "%s", strerror_r(error, buffer, sizeof(buffer)));
}

/* False with error. */
static bool talk(struct exchange *exchange, struct error_text *error)
{
    int failed = 0;
    int done = OSSL_HTTP_REQ_CTX_nbio(exchange->talk);
    while (done == MORE && failed == 0) {
        failed = send_all(exchange);
        if (failed == 0)
            failed = receive(exchange);
        if (failed == 0)
            done = OSSL_HTTP_REQ_CTX_nbio(exchange->talk);
    }
    if (failed != 0)
        return fail(failed, error);
    return done == 1 ||
           error_set(error, "it does not answer as an OCSP responder (%s)", openssl_reason());
}

unsigned char *ocsp_http_post(const struct ocsp_http *http, OCSP_REQUEST *request, size_t *size,
                              struct error_text *error)
{
    struct exchange exchange = {.http = http};
    unsigned char *bytes = NULL;
    char *body;
    (void)ERR_set_mark();
    if (!prepare(&exchange, request)) {
        error_set(error, "out of memory for OCSP");
    } else if (talk(&exchange, error)) {
        long length = BIO_get_mem_data(OSSL_HTTP_REQ_CTX_get0_mem_bio(exchange.talk), &body);
        *size = length > 0 ? (size_t)length : 0;
        bytes = OPENSSL_memdup(body, *size);
        if (!bytes)
            error_set(error, "it sends an empty response");
    }
    OSSL_HTTP_REQ_CTX_free(exchange.talk);
    BIO_free(exchange.in);
    BIO_free(exchange.fed);
    BIO_free(exchange.out);
    (void)ERR_pop_to_mark();
    return bytes;
}
