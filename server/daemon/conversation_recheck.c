/* A service has newer settings, and asks for open connections to be judged by them. */
#include "server/daemon/conversation_internal.h"

#include "server/daemon/current.h"
#include "server/daemon/generation.h"

bool conversation_must_recheck(const struct conversation *conversation)
{
    return conversation->rechecks != registry_service_rechecks(conversation->entry.service);
}

/* NULL: the service is gone, and its connections end for that. The caller frees the settings with
 * actpass_config_free. */
static actpass_config *current_settings(const struct conversation *conversation)
{
    actpass_config *settings = NULL;
    struct generation *generation = server_generation(conversation->server);
    struct service *service = generation_find(generation, conversation->service->config->name);
    if (service && service->connections == conversation->entry.service)
        settings = service_settings(service);
    generation_release(generation);
    return settings;
}

/* Without a close in order: the peer gets nothing more of what was written for it. A peer that
 * cannot be judged is not kept either. */
static void end(struct conversation *conversation, actpass_end reason, const char *why)
{
    struct error_text text;
    (void)error_set(&text, "closed at a reload (on_reload): %s", why);
    actpass_fail(conversation_of(conversation), reason, text.text);
    actpass_abort(conversation_of(conversation));
}

/* The number is taken before the settings: if they change in between, there is another round. */
void conversation_recheck(struct conversation *conversation)
{
    struct error_text why = {.text = ""};
    conversation->rechecks = registry_service_rechecks(conversation->entry.service);
    actpass_config *settings = current_settings(conversation);
    if (!settings)
        return;
    int accepted =
        actpass_recheck(conversation_of(conversation), settings, why.text, sizeof(why.text));
    actpass_config_free(settings);
    if (accepted != 1)
        end(conversation, accepted == 0 ? ACTPASS_REFUSED : ACTPASS_CANCELLED, why.text);
}
