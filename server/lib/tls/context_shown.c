/* Which certificates of ours a context has. */
#include "server/lib/tls/context_internal.h"
#include "server/lib/tls/served.h"
#include "server/lib/tls/staples.h"

static struct context_shown certificate_of(const struct tls_context *context, size_t index)
{
    size_t count = context->served ? served_count(context->served) : 0; /* NULL: client only */
    if (index == 0)
        return (struct context_shown){.certificate = SSL_CTX_get0_certificate(
                                          context->server ? context->server : context->client)};
    if (index - 1 >= count)
        return (struct context_shown){.certificate = NULL};
    return (struct context_shown){.certificate = served_certificate(context->served, index - 1),
                                  .names = served_names(context->served, index - 1)};
}

static struct context_shown shown_by(const struct tls_context *context, size_t index)
{
    struct context_shown shown = certificate_of(context, index);
    shown.staple_until_s = staples_until(context->staples, shown.certificate);
    return shown;
}

static size_t count_of(const struct tls_context *context)
{
    return 1 + (context->served ? served_count(context->served) : 0);
}

struct context_shown tls_context_shown(const struct tls_context *context, size_t index)
{
    if (index < count_of(context))
        return shown_by(context, index);
    index -= count_of(context);
    for (size_t i = 0; i < context->virtuals.count; i++) {
        const struct virtual_context *one = &context->virtuals.items[i];
        if (index < count_of(one->context)) {
            struct context_shown shown = shown_by(one->context, index);
            shown.names = shown.names ? shown.names : &one->names;
            return shown;
        }
        index -= count_of(one->context);
    }
    return (struct context_shown){.certificate = NULL};
}

size_t tls_context_shown_count(const struct tls_context *context)
{
    size_t count = count_of(context);
    for (size_t i = 0; i < context->virtuals.count; i++)
        count += count_of(context->virtuals.items[i].context);
    return count;
}
