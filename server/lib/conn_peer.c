/* What the handshake has shown, and what the socket knows of both ends. */
#include "relay/lock.h"
#include "server/lib/conn_internal.h"
#include "server/lib/dial/address_text.h"
#include "server/lib/tls/peer_names.h"
#include "server/lib/tls/server_name.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

/* ---- Negotiated names ------------------------------------------------------------------------ */

/* Copied: OpenSSL keeps a server's in the session, which it may replace (new tickets). */
static void note_server_name(actpass_conn *conn, const char *name)
{
    if (!name || conn->server_name)
        return;
    char *copy = strdup(name);
    lock_take(&conn->end_lock);
    conn->server_name = copy;
    lock_release(&conn->end_lock);
    if (!copy) /* "" would be another name */
        conn_fail(conn, ACTPASS_CANCELLED, "out of memory for the server name");
}

/* Of the hello itself: how much of it OpenSSL has read when it fails depends on its version. */
void conn_note_offered_name(actpass_conn *conn)
{
    struct name_list offered = {.length = 0};
    peer_hello_add_server_name(&conn->hello, &offered);
    if (offered.length > 0)
        note_server_name(conn, offered.text);
}

void conn_note_cipher(actpass_conn *conn)
{
    lock_take(&conn->end_lock);
    conn->cipher = SSL_get_cipher_name(conn->ssl);
    lock_release(&conn->end_lock);
}

void conn_note_negotiated(actpass_conn *conn)
{
    int group = (int)SSL_get_negotiated_group(conn->ssl);
    const char *name = group != NID_undef ? SSL_group_to_name(conn->ssl, group) : NULL;
    lock_take(&conn->end_lock);
    conn->group = name ? name : ""; /* the text belongs to the SSL_CTX */
    lock_release(&conn->end_lock);
    note_server_name(conn, server_name_of(conn->ssl));
}

/* ---- Certificates ---------------------------------------------------------------------------- */

/* OpenSSL's chain begins with the peer's own certificate for a client, and behind it for a server
 * (SSL_get_peer_cert_chain(3)). */
static X509 *certificate_at(actpass_conn *conn, unsigned index)
{
    if (!conn->proven)
        return NULL;
    if (index == 0)
        return SSL_get0_peer_certificate(conn->ssl);
    const STACK_OF(X509) *chain = SSL_get_peer_cert_chain(conn->ssl);
    unsigned at = SSL_is_server(conn->ssl) ? index - 1 : index;
    return at < INT_MAX ? sk_X509_value(chain, (int)at) : NULL; /* NULL behind the end, too */
}

static int64_t copy_der(X509 *certificate, void *buffer, size_t size)
{
    unsigned char *at = buffer;
    int length = i2d_X509(certificate, NULL);
    if (length > 0 && (size_t)length <= size)
        length = i2d_X509(certificate, &at);
    return length > 0 ? length : -1;
}

int64_t actpass_peer_certificate(actpass_conn *conn, unsigned index, void *buffer, size_t size)
{
    lock_take(&conn->lock);
    (void)ERR_set_mark(); /* what fails here must not end a later call (hazard 6) */
    X509 *certificate = certificate_at(conn, index);
    int64_t length = certificate ? copy_der(certificate, buffer, size) : 0;
    (void)ERR_pop_to_mark();
    lock_release(&conn->lock);
    return length;
}

int64_t actpass_peer_name(actpass_conn *conn, unsigned index, char *text, size_t size)
{
    lock_take(&conn->lock);
    (void)ERR_set_mark();
    const X509 *certificate = certificate_at(conn, 0);
    int64_t length = certificate ? peer_names_text(certificate, index, text, size) : 0;
    (void)ERR_pop_to_mark();
    lock_release(&conn->lock);
    return length;
}

/* ---- Exporter -------------------------------------------------------------------------------- */

/* In TLS 1.2 without the extended master secret, a man in the middle can have two connections with
 * the same secret (RFC 7627 section 1). */
static bool may_export(const actpass_conn *conn)
{
    return conn->handshaken && !SSL_in_init(conn->ssl) &&
           (SSL_version(conn->ssl) >= TLS1_3_VERSION || SSL_get_extms_support(conn->ssl) == 1);
}

int actpass_export(actpass_conn *conn, const char *label, const void *context, size_t context_size,
                   void *out, size_t size)
{
    lock_take(&conn->lock);
    (void)ERR_set_mark();
    bool exported =
        may_export(conn) && SSL_export_keying_material(conn->ssl, out, size, label, strlen(label),
                                                       context, context_size, !!context) == 1;
    (void)ERR_pop_to_mark();
    lock_release(&conn->lock);
    return exported ? 0 : -1;
}

/* ---- Addresses ------------------------------------------------------------------------------- */

int actpass_peer_sockaddr(actpass_conn *conn, struct sockaddr *address, socklen_t *size)
{
    const struct conn_options *options = &conn->options; /* constant from conn_new on */
    if (options->peer_size == 0)
        return -1;
    memcpy(address, &options->peer, *size < options->peer_size ? *size : options->peer_size);
    *size = options->peer_size;
    return 0;
}

int actpass_local_sockaddr(actpass_conn *conn, struct sockaddr *address, socklen_t *size)
{
    return relay_local_address(conn->relay, address, size) ? 0 : -1;
}

int actpass_sockaddr_text(const struct sockaddr *address, socklen_t address_size, char *text,
                          size_t size)
{
    return size > 0 && address_text(address, address_size, text, size) ? 0 : -1;
}
