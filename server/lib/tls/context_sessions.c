/* The sessions of a context: what context.h says of resumption. */
#include "server/lib/base/error.h"
#include "server/lib/sessions/sessions.h"
#include "server/lib/tls/context_internal.h"

void tls_context_offer(struct tls_context *context, SSL *ssl, const char *peer)
{
    sessions_offer(context->sessions, ssl, peer);
}

void tls_context_failed(struct tls_context *context, SSL *ssl)
{
    sessions_forget(context->sessions, ssl);
}

void tls_context_done(SSL *ssl)
{
    sessions_spare(ssl);
}

size_t tls_context_export(const struct tls_context *context, SSL *ssl, const char *peer,
                          uint8_t buffer[EXPORTED_MAX])
{
    return sessions_export(context->sessions, ssl, peer ? peer : "", buffer);
}

static bool may_resume(const struct tls_context *context, struct error_text *error)
{
    return context->client ||
           error_set(error, "an exported session is for a TLS client, and the role is server");
}

bool tls_context_check_exported(const struct tls_context *context, const uint8_t *bytes,
                                size_t size, struct error_text *error)
{
    return may_resume(context, error) &&
           sessions_check_exported(context->sessions, bytes, size, error);
}

bool tls_context_add_exported(struct tls_context *context, const uint8_t *bytes, size_t size,
                              struct error_text *error)
{
    return may_resume(context, error) &&
           sessions_add_exported(context->sessions, bytes, size, error);
}

void tls_context_offer_exported(const struct tls_context *context, SSL *ssl, const uint8_t *bytes,
                                size_t size)
{
    sessions_offer_exported(context->sessions, ssl, bytes, size);
}
