/* actpass_config: other settings by server name. */
#include "server/lib/settings.h"

#include "config/internal.h"
#include "server/lib/tls/server_name.h"

#include <stdlib.h>
#include <string.h>

static bool is_taken(const actpass_config *config, const char *text)
{
    const struct server_name name = {text, strlen(text)};
    for (size_t i = 0; i < config->virtual_count; i++)
        for (size_t j = 0; j < config->virtuals[i].names.count; j++)
            if (server_name_equals(name, config->virtuals[i].names.items[j]))
                return true;
    return false;
}

/* The one with these settings, or a new one at the end, which is not counted yet. NULL: no memory.
 */
static struct settings_virtual *find_or_extend(actpass_config *config, const actpass_config *other)
{
    for (size_t i = 0; i < config->virtual_count; i++)
        if (config->virtuals[i].config == other)
            return &config->virtuals[i];
    struct settings_virtual *list =
        reallocarray(config->virtuals, config->virtual_count + 1, sizeof(*list));
    if (!list)
        return NULL;
    config->virtuals = list;
    list[config->virtual_count] = (struct settings_virtual){.config = NULL};
    return &list[config->virtual_count];
}

/* By the checks of "certificates", whose names are of the same form. */
static int add_name(actpass_config *config, struct settings_virtual *to, const char *name)
{
    struct config_certificate item = {.server_names = to->names};
    int result = settings_set(config, &certificate_object, "server_names", name, &item);
    to->names = item.server_names;
    return result;
}

static int add(actpass_config *config, const char *name, actpass_config *other)
{
    struct settings_virtual *virtual = find_or_extend(config, other);
    if (!virtual)
        return settings_fail(config, "out of memory");
    if (add_name(config, virtual, name)) {
        if (!virtual->config)
            config_strings_free(&virtual->names);
        return -1;
    }
    if (virtual->config)
        return 0;
    virtual->config = actpass_config_hold(other);
    other->is_virtual = true;
    config->virtual_count++;
    return 0;
}

int actpass_config_add_virtual(actpass_config *config, const char *server_name,
                               actpass_config *other)
{
    if (settings_changeable(config))
        return -1;
    if (!server_name || !other)
        return settings_fail(config, "settings for a server name are that name and another "
                                     "configuration");
    if (other == config || other->virtual_count > 0 || config->is_virtual)
        return settings_fail(config, "settings for a server name have no settings for server names "
                                     "themselves");
    if (is_taken(config, server_name))
        return settings_fail(config, "server_names: there are settings for \"%s\" already",
                             server_name);
    return add(config, server_name, other);
}

/* Its callbacks, where it has some, and those of CONFIG. */
static struct tls_hooks hooks_of(const actpass_config *config, const actpass_config *other)
{
    struct tls_hooks hooks = config->hooks;
    if (other->hooks.passphrase.call)
        hooks.passphrase = other->hooks.passphrase;
    if (other->hooks.check.call)
        hooks.check = other->hooks.check;
    return hooks;
}

static bool load(const actpass_config *config, const struct settings_virtual *virtual,
                 struct tls_owner owner, const struct config_tls *tls, struct error_text *error)
{
    const actpass_config *other = virtual->config;
    const struct config_tls own =
        config_tls_with(tls, other->tls_elsewhere ? other->tls_elsewhere : &other->connection.tls);
    const struct tls_hooks hooks = hooks_of(config, other);
    struct error_text why = {.text = ""};
    return tls_context_add_virtual(config->tls, owner, &own, &virtual->names, &hooks, &why) ||
           error_set(error, "for the server name %s: %s", virtual->names.items[0], why.text);
}

bool settings_load_virtuals(const actpass_config *config, struct tls_owner owner,
                            const struct config_tls *tls, struct error_text *error)
{
    for (size_t i = 0; i < config->virtual_count; i++)
        if (!load(config, &config->virtuals[i], owner, tls, error))
            return false;
    return true;
}

void settings_free_virtuals(actpass_config *config)
{
    for (size_t i = 0; i < config->virtual_count; i++) {
        config_strings_free(&config->virtuals[i].names);
        actpass_config_free(config->virtuals[i].config);
    }
    free(config->virtuals);
}
