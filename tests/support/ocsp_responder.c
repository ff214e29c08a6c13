#include "tests/support/ocsp_responder.h"

#include "relay/clock.h"
#include "relay/lock.h"
#include "relay/threads.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_MAX = 16384 };

struct ocsp_responder {
    const struct test_identity *ca;
    int listener, port;
    pthread_t thread;
    struct threads *talks; /* of connections */
    atomic_uint requests, delay_us;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool holds, ending;
};

struct talk {
    struct ocsp_responder *responder;
    int fd;
};

static void must(bool fine, const char *what)
{
    if (fine)
        return;
    perror(what);
    abort();
}

/* ---- One answer ---------------------------------------------------------------------------- */

int ocsp_response_new(const struct test_identity *signer, OCSP_CERTID *id, int status, long from_s,
                      unsigned char **bytes)
{
    *bytes = NULL;
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    ASN1_TIME *from = X509_gmtime_adj(NULL, from_s), *until = X509_gmtime_adj(NULL, 3600);
    bool is_revoked = status == V_OCSP_CERTSTATUS_REVOKED;
    must(OCSP_basic_add1_status(basic, id, status, OCSP_REVOKED_STATUS_NOSTATUS,
                                is_revoked ? from : NULL, from, until),
         "OCSP_basic_add1_status");
    must(OCSP_basic_sign(basic, signer->certificate, signer->key, EVP_sha256(), NULL, 0) == 1,
         "OCSP_basic_sign");
    OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    int size = i2d_OCSP_RESPONSE(response, bytes);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return size;
}

/* The body, which follows an empty line. NULL: it has not come whole. */
static OCSP_REQUEST *parse(const char *bytes, size_t size)
{
    const char *end = memmem(bytes, size, "\r\n\r\n", 4);
    if (!end)
        return NULL;
    const unsigned char *body = (const unsigned char *)end + 4;
    return d2i_OCSP_REQUEST(NULL, &body, (long)(bytes + size - (end + 4)));
}

static OCSP_REQUEST *receive(int fd)
{
    char bytes[REQUEST_MAX];
    size_t have = 0;
    OCSP_REQUEST *request = NULL;
    while (!request) {
        ssize_t got = recv(fd, bytes + have, sizeof(bytes) - have, 0);
        if (got <= 0)
            return NULL;
        have += (size_t)got;
        request = parse(bytes, have);
    }
    return request;
}

static void respond(const struct ocsp_responder *responder, OCSP_REQUEST *request, int fd)
{
    char head[200];
    unsigned char *body;
    OCSP_CERTID *id = OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, 0));
    int size = ocsp_response_new(responder->ca, id, V_OCSP_CERTSTATUS_GOOD, -60, &body);
    int length = snprintf(head, sizeof(head),
                          "HTTP/1.0 200 OK\r\nContent-Type: application/ocsp-response\r\n"
                          "Content-Length: %d\r\n\r\n",
                          size);
    (void)send(fd, head, (size_t)length, MSG_NOSIGNAL); /* the other side may have gone */
    (void)send(fd, body, (size_t)size, MSG_NOSIGNAL);
    OPENSSL_free(body);
}

/* ---- Threads ------------------------------------------------------------------------------- */

static void wait_to_answer(struct ocsp_responder *responder)
{
    unsigned delay_us = responder->delay_us;
    if (delay_us > 0)
        usleep((unsigned)clock_now_us() * 2654435761U % delay_us);
    lock_take(&responder->lock);
    while (responder->holds && !responder->ending)
        (void)lock_sleep(&responder->changed, &responder->lock, DEADLINE_NEVER);
    lock_release(&responder->lock);
}

static void run_talk(void *arg)
{
    struct talk *talk = arg;
    struct ocsp_responder *responder = talk->responder;
    OCSP_REQUEST *request = receive(talk->fd);
    if (request) {
        responder->requests++;
        wait_to_answer(responder);
        respond(responder, request, talk->fd);
        OCSP_REQUEST_free(request);
    }
    close(talk->fd);
    free(talk);
}

static void begin_talk(struct ocsp_responder *responder, int fd)
{
    struct talk *talk = malloc(sizeof(*talk));
    must(talk, "malloc");
    *talk = (struct talk){responder, fd};
    must(threads_run(responder->talks, run_talk, talk) == 0, "threads_run");
}

static void *run(void *arg)
{
    struct ocsp_responder *responder = arg;
    for (int fd = accept(responder->listener, NULL, NULL); fd >= 0;
         fd = accept(responder->listener, NULL, NULL))
        begin_talk(responder, fd);
    return NULL;
}

/* ---- For the test -------------------------------------------------------------------------- */

struct ocsp_responder *ocsp_responder_new(const struct test_identity *ca)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    struct ocsp_responder *responder = calloc(1, sizeof(*responder));
    must(responder, "calloc");
    responder->ca = ca;
    responder->talks = threads_new(262144, 16, 1000);
    must(responder->talks, "threads_new");
    must(pthread_mutex_init(&responder->lock, NULL) == 0, "pthread_mutex_init");
    must(clock_init_cond(&responder->changed) == 0, "clock_init_cond");
    responder->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(responder->listener >= 0, "socket");
    must(bind(responder->listener, (struct sockaddr *)&address, size) == 0, "bind");
    must(listen(responder->listener, 1024) == 0, "listen");
    must(getsockname(responder->listener, (struct sockaddr *)&address, &size) == 0, "getsockname");
    responder->port = ntohs(address.sin_port);
    must(pthread_create(&responder->thread, NULL, run, responder) == 0, "pthread_create");
    return responder;
}

void ocsp_responder_free(struct ocsp_responder *responder)
{
    must(shutdown(responder->listener, SHUT_RDWR) == 0, "shutdown");
    must(pthread_join(responder->thread, NULL) == 0, "pthread_join");
    close(responder->listener);
    lock_take(&responder->lock);
    responder->ending = true;
    lock_broadcast(&responder->changed);
    lock_release(&responder->lock);
    threads_free(responder->talks);
    pthread_cond_destroy(&responder->changed);
    pthread_mutex_destroy(&responder->lock);
    free(responder);
}

int ocsp_responder_port(const struct ocsp_responder *responder)
{
    return responder->port;
}

static void set_holds(struct ocsp_responder *responder, bool holds)
{
    lock_take(&responder->lock);
    responder->holds = holds;
    lock_broadcast(&responder->changed);
    lock_release(&responder->lock);
}

void ocsp_responder_hold(struct ocsp_responder *responder)
{
    set_holds(responder, true);
}

void ocsp_responder_go_on(struct ocsp_responder *responder)
{
    set_holds(responder, false);
}

void ocsp_responder_delay(struct ocsp_responder *responder, unsigned us_max)
{
    responder->delay_us = us_max;
}

unsigned ocsp_responder_requests(const struct ocsp_responder *responder)
{
    return responder->requests;
}
