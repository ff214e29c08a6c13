/* OCSP of a context: what we staple, and how peers are checked. */
#include "server/lib/base/error.h"
#include "server/lib/tls/context_internal.h"
#include "server/lib/tls/served.h"
#include "server/lib/tls/staples.h"

static bool add_all(struct tls_context *context, const struct material *material)
{
    bool added = staples_add(context->staples, &material->identity, material->trust.list);
    for (size_t i = 0; i < served_count(context->served) && added; i++)
        added = staples_add(context->staples, served_identity(context->served, i),
                            material->trust.list);
    return added;
}

static bool make_staples(struct tls_context *context, const struct material *material)
{
    const struct tls_hooks *hooks = material->hooks;
    if (!material->tls->ocsp.staple || !context->served)
        return true;
    context->staples = staples_new(hooks->ocsp, context->source, hooks->log, hooks->log_arg);
    return context->staples && add_all(context, material);
}

bool context_make_ocsp(struct tls_context *context, const struct material *material,
                       struct error_text *error)
{
    const struct config_ocsp *ocsp = &material->tls->ocsp;
    if (!ocsp->staple && ocsp->peers == CONFIG_OCSP_OFF)
        return true;
    context->ocsp = material->hooks->ocsp;
    context->source = ocsp_source_new(ocsp, material->hooks->through);
    return (context->ocsp && context->source && make_staples(context, material)) ||
           error_set(error, "out of memory for ocsp");
}

void context_free_ocsp(struct tls_context *context)
{
    staples_free(context->staples);
    ocsp_source_release(context->source);
}

void tls_context_start(const struct tls_context *context)
{
    if (context->ocsp)
        ocsp_start(context->ocsp);
    for (size_t i = 0; i < context->virtuals.count; i++)
        tls_context_start(context->virtuals.items[i].context);
}
