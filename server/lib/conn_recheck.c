/* actpass_recheck: would newer settings accept the peer of an open connection? */
#include "relay/lock.h"
#include "server/lib/base/error.h"
#include "server/lib/conn_internal.h"

#include <stdio.h>

enum { RECHECK_UNKNOWN = -1, RECHECK_REFUSED, RECHECK_ACCEPTED };

static bool accepts(const actpass_conn *conn, const actpass_config *config, struct error_text *why)
{
    const X509 *peer = conn->proven ? SSL_get0_peer_certificate(conn->ssl) : NULL;
    if (!tls_context_accepts_again(config->tls, conn->config->tls, conn->ssl, peer, why))
        return false;
    return !conn->opened || tls_context_knows(config->tls, conn->ssl) ||
           error_set(why, "we opened the connection, and the peer gave no certificate");
}

static int judge(actpass_conn *conn, const actpass_config *config, struct error_text *why)
{
    int result = RECHECK_UNKNOWN;
    lock_take(&conn->lock);
    if (!conn->handshaken)
        error_set(why, "the handshake is not complete");
    else if (accepts(conn, config, why))
        result = RECHECK_ACCEPTED;
    else
        result = error_is_no_memory(why) ? RECHECK_UNKNOWN : RECHECK_REFUSED;
    lock_release(&conn->lock);
    return result;
}

int actpass_recheck(actpass_conn *conn, actpass_config *config, char *why, size_t why_size)
{
    struct error_text reason = {.text = ""};
    int result = RECHECK_UNKNOWN;
    if (settings_freeze(config))
        result = judge(conn, config, &reason);
    else
        error_set(&reason, "%s", actpass_config_error(config));
    if (why && result != RECHECK_ACCEPTED)
        snprintf(why, why_size, "%s", reason.text);
    return result;
}
