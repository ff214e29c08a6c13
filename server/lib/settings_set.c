/* actpass_config: what its setters are made of. */
#include "server/lib/settings.h"

#include "config/key_set.h"
#include "relay/lock.h"

int settings_changeable(actpass_config *config)
{
    lock_take(&config->lock);
    bool frozen = config->frozen;
    lock_release(&config->lock);
    return frozen ? settings_fail(
                        config, "the configuration is in use and cannot be changed: make a new one")
                  : 0;
}

static bool is_list(const struct key *key)
{
    return key->type == KEY_STRINGS || key->type == KEY_PEER_NAMES || key->type == KEY_PEER_PINS;
}

int settings_set(actpass_config *config, const struct key_object *object, const char *name,
                 const char *text, void *base)
{
    struct error_text error;
    const struct key *key = key_find(object, name);
    if (settings_changeable(config))
        return -1;
    if (!text && is_list(key))
        return settings_fail(config, "%s: must not be NULL", name);
    if (!text)
        key_release(key, base);
    else if (!key_set_text(key, text, base, &error))
        return settings_fail(config, "%s: %s", name, error.text);
    return 0;
}

int settings_set_tls(actpass_config *config, const char *name, const char *text)
{
    return settings_set(config, &tls_object, name, text, &config->connection.tls);
}

int settings_set_number(actpass_config *config, const struct key_object *object, const char *name,
                        int64_t number, void *base)
{
    struct error_text error;
    if (settings_changeable(config))
        return -1;
    if (key_set_number(key_find(object, name), number, base, &error))
        return 0;
    return settings_fail(config, "%s: %s", name, error.text);
}

int settings_set_tls_number(actpass_config *config, const char *name, int64_t number)
{
    return settings_set_number(config, &tls_object, name, number, &config->connection.tls);
}

int settings_set_tls_all(actpass_config *config, const struct settings_text *texts, size_t count,
                         bool (*fits)(const struct config_tls *tried, struct error_text *error))
{
    struct config_tls tried = {.certificate = NULL};
    struct error_text error;
    int failed = 0;
    for (size_t i = 0; i < count; i++)
        failed |= settings_set(config, &tls_object, texts[i].name, texts[i].text, &tried);
    if (!failed && fits && !fits(&tried, &error))
        failed = settings_fail(config, "%s", error.text);
    key_release_all(&tls_object, &tried);
    for (size_t i = 0; i < count && !failed; i++)
        failed = settings_set_tls(config, texts[i].name, texts[i].text);
    return failed;
}

int settings_set_flag(actpass_config *config, const char *name, int on, bool *flag)
{
    if (settings_changeable(config))
        return -1;
    if (on != 0 && on != 1)
        return settings_fail(config, "%s: must be 0 or 1", name);
    *flag = on;
    return 0;
}
