/* A connection's session as bytes that the user keeps. */
#include "relay/lock.h"
#include "server/lib/conn_internal.h"

#include <string.h>

_Static_assert((int)ACTPASS_SESSION_MAX == (int)EXPORTED_MAX, "one size");

int64_t actpass_session_export(actpass_conn *conn, void *buffer, size_t size)
{
    uint8_t bytes[EXPORTED_MAX];
    size_t length = 0;
    lock_take(&conn->lock);
    if (conn->handshaken)
        length = tls_context_export(conn->config->tls, conn->ssl, conn->dialed, bytes);
    lock_release(&conn->lock);
    if (length > 0 && length <= size)
        memcpy(buffer, bytes, length);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return length <= size ? (int64_t)length : -1;
}

int actpass_session_import(actpass_conn *conn, const void *session, size_t size)
{
    struct error_text error;
    if (!session)
        return settings_fail(conn->config, "the session: must not be NULL");
    if (!tls_context_check_exported(conn->config->tls, session, size, &error))
        return settings_fail(conn->config, "%s", error.text);
    uint8_t *copy = OPENSSL_memdup(session, size);
    if (!copy)
        return settings_fail(conn->config, "out of memory for a session");
    lock_take(&conn->lock);
    bool late = conn->ssl || conn->end != ACTPASS_OPEN;
    if (!late)
        conn_drop_imported(conn);
    if (!late)
        conn->imported = (struct imported){copy, size};
    lock_release(&conn->lock);
    if (!late)
        return 0;
    OPENSSL_clear_free(copy, size);
    return settings_fail(conn->config, "the session came after the handshake had begun");
}

void conn_drop_imported(actpass_conn *conn)
{
    OPENSSL_clear_free(conn->imported.data, conn->imported.size);
    conn->imported = (struct imported){NULL, 0};
}

void conn_offer_imported(const actpass_conn *conn, SSL *ssl)
{
    if (conn->imported.data)
        tls_context_offer_exported(conn->config->tls, ssl, conn->imported.data,
                                   conn->imported.size);
}
