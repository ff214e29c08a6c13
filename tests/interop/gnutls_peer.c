/* A peer on GnuTLS; see peer.h. */
#include "tests/interop/peer.h"

#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

struct session {
    gnutls_session_t tls;
    gnutls_certificate_credentials_t credentials;
};

static int failed(const char *what, ssize_t code)
{
    return peer_fail(what, gnutls_strerror((int)code));
}

static int wants(const struct session *session)
{
    return gnutls_record_get_direction(session->tls) ? PEER_WANTS_WRITE : PEER_WANTS_READ;
}

static void release(void *pointer)
{
    struct session *session = pointer;
    gnutls_deinit(session->tls);
    gnutls_certificate_free_credentials(session->credentials);
    free(session);
}

static int set_up(struct session *session, const struct peer_options *options)
{
    const char *priority = options->version == PEER_TLS_1_2 ? "NORMAL:-VERS-ALL:+VERS-TLS1.2"
                                                            : "NORMAL:-VERS-ALL:+VERS-TLS1.3";
    int code = gnutls_certificate_set_x509_trust_file(session->credentials, options->ca,
                                                      GNUTLS_X509_FMT_PEM);
    if (code <= 0)
        return code ? code : GNUTLS_E_NO_CERTIFICATE_FOUND;
    code = gnutls_certificate_set_x509_key_file(session->credentials, options->certificate,
                                                options->key, GNUTLS_X509_FMT_PEM);
    if (code < 0)
        return code;
    code = gnutls_credentials_set(session->tls, GNUTLS_CRD_CERTIFICATE, session->credentials);
    return code < 0 ? code : gnutls_priority_set_direct(session->tls, priority, NULL);
}

static void *open_session(const struct peer_options *options, int sock)
{
    struct session *session = calloc(1, sizeof(*session));
    unsigned int flags = options->role == PEER_TLS_SERVER ? GNUTLS_SERVER : GNUTLS_CLIENT;
    if (!session || gnutls_init(&session->tls, flags | GNUTLS_NONBLOCK) != 0 ||
        gnutls_certificate_allocate_credentials(&session->credentials) != 0)
        abort(); /* no memory */
    int code = set_up(session, options);
    if (code < 0) {
        failed("open", code);
        release(session);
        return NULL;
    }
    if (options->role == PEER_TLS_SERVER)
        gnutls_certificate_server_set_request(session->tls, GNUTLS_CERT_REQUIRE);
    else
        gnutls_server_name_set(session->tls, GNUTLS_NAME_DNS, options->name, strlen(options->name));
    gnutls_session_set_verify_cert(session->tls, options->name, 0);
    gnutls_transport_set_int(session->tls, sock);
    return session;
}

static int handshake(void *pointer)
{
    struct session *session = pointer;
    int code = gnutls_handshake(session->tls);
    while (code < 0 && code != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(code))
        code = gnutls_handshake(session->tls);
    if (code == GNUTLS_E_AGAIN)
        return wants(session);
    if (code < 0) {
        gnutls_alert_send_appropriate(session->tls, code);
        return failed("handshake", code);
    }
    return PEER_DONE;
}

static int read_some(void *pointer, void *buffer, int size)
{
    struct session *session = pointer;
    ssize_t got = gnutls_record_recv(session->tls, buffer, (size_t)size);
    if (got == GNUTLS_E_AGAIN)
        return wants(session);
    if (got < 0)
        return failed("read", got);
    return got ? (int)got : PEER_CLOSED;
}

static int write_some(void *pointer, const void *data, int size)
{
    struct session *session = pointer;
    ssize_t sent = gnutls_record_send(session->tls, data, (size_t)size);
    if (sent == GNUTLS_E_AGAIN)
        return wants(session);
    return sent < 0 ? failed("write", sent) : (int)sent;
}

static int send_close(void *pointer)
{
    struct session *session = pointer;
    int code = gnutls_bye(session->tls, GNUTLS_SHUT_WR);
    if (code == GNUTLS_E_AGAIN)
        return wants(session);
    return code < 0 ? failed("close_notify", code) : PEER_DONE;
}

int main(int argc, char **argv)
{
    static const struct peer_stack stack = {open_session, handshake,  read_some,
                                            write_some,   send_close, release};
    return peer_main(argc, argv, &stack);
}
