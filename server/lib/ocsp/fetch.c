#include "server/lib/ocsp/fetch.h"

#include "relay/clock.h"
#include "server/lib/dial/dial.h"
#include "server/lib/dial/resolve.h"
#include "server/lib/dial/through.h"
#include "server/lib/ocsp/http.h"

#include <netdb.h>
#include <unistd.h>

static void note_failure(void *arg, const char *address, const char *why)
{
    struct error_text *error = arg;
    (void)address;
    error_set(error, "%s", why);
}

/* A connection to the responder; -1 with error. */
static int reach(const struct ocsp_source *source, enum ocsp_chosen_by chosen_by,
                 struct ocsp_http *http, struct error_text *error)
{
    struct through through = {.proxy = NULL};
    struct candidate winner;
    bool by_proxy = source->through.proxy.kind != CONFIG_PROXY_NONE;
    bool for_peer = chosen_by == OCSP_CHOSEN_BY_PEER && !by_proxy; /* a proxy is our choice */
    const struct dial dial = {.addresses = &http->url->address,
                              .count = 1,
                              .lookup_flags = AI_ADDRCONFIG | (for_peer ? RESOLVE_FOR_PEER : 0),
                              .through = by_proxy ? &through : NULL,
                              .deadline_us = http->deadline_us,
                              .limit_name = "timeout",
                              .wait = http->wait,
                              .observer = {.failed = note_failure, .arg = error}};
    int fd = -1;
    error_set(error, "it is not waited for any more");
    if (!by_proxy || through_load(&through, &source->through, error))
        fd = dial_first(&dial, &winner);
    if (by_proxy)
        through_wipe(&through);
    return fd;
}

/* NULL: no memory. Without a nonce, since responders sign beforehand (RFC 5019). */
static OCSP_REQUEST *request_about(X509 *certificate, X509 *issuer)
{
    OCSP_REQUEST *request = OCSP_REQUEST_new();
    OCSP_CERTID *id = request ? OCSP_cert_to_id(NULL, certificate, issuer) : NULL;
    if (id && OCSP_request_add0_id(request, id))
        return request;
    OCSP_CERTID_free(id);
    OCSP_REQUEST_free(request);
    return NULL;
}

static bool ask(const struct ocsp_http *http, X509 *certificate, X509 *issuer,
                struct ocsp_answer *answer, struct error_text *error)
{
    size_t size = 0;
    OCSP_REQUEST *request = request_about(certificate, issuer);
    if (!request)
        return error_set(error, "out of memory for OCSP");
    unsigned char *bytes = ocsp_http_post(http, request, &size, error);
    bool taken = bytes && ocsp_answer_read(answer, bytes, size, certificate, issuer, error);
    OPENSSL_free(bytes);
    OCSP_REQUEST_free(request);
    return taken;
}

bool ocsp_fetch(const struct ocsp_question *question, enum ocsp_chosen_by chosen_by, int cancel_fd,
                struct ocsp_answer *answer, struct error_text *error)
{
    struct error_text why = {.text = ""};
    const struct config_http_url *url = &question->url;
    struct ocsp_http http = {.url = url,
                             .wait = {.cancel_fd = cancel_fd},
                             .deadline_us = clock_deadline_ms(question->source->timeout_ms)};
    http.fd = reach(question->source, chosen_by, &http, &why);
    bool fine = http.fd >= 0 && ask(&http, question->certificate, question->issuer, answer, &why);
    if (http.fd >= 0)
        close(http.fd);
    return fine || error_set(error, "the OCSP responder http://%s%s: %s", url->address.text,
                             url->path, why.text);
}
