/* actpass_config: certificates by server name, from files and from memory. */
#include "server/lib/settings.h"

#include "config/key_set.h"

#include <stdlib.h>
#include <string.h>

/* What the caller gave. */
struct given {
    const char *server_name, *certificate, *key;
    bool in_memory;
};

static bool is_same(const struct config_certificate *one, const struct given *given)
{
    return one->in_memory == given->in_memory &&
           strcmp(one->certificate, given->certificate) == 0 && strcmp(one->key, given->key) == 0;
}

/* Makes room for one more at the end, all zero; not counted yet. NULL: no memory. */
static struct config_certificate *extend(struct config_tls *tls)
{
    struct config_certificate *list =
        realloc(tls->certificates, (tls->certificate_count + 1) * sizeof(*list));
    if (!list)
        return NULL;
    tls->certificates = list;
    list[tls->certificate_count] = (struct config_certificate){.key = NULL};
    return &list[tls->certificate_count];
}

static int set_files(actpass_config *config, struct config_certificate *item,
                     const struct given *given)
{
    return settings_set(config, &certificate_object, "certificate", given->certificate, item) ||
                   settings_set(config, &certificate_object, "key", given->key, item)
               ? -1
               : 0;
}

static int set_texts(actpass_config *config, struct config_certificate *item,
                     const struct given *given)
{
    char *copies[2] = {NULL, NULL};
    if (settings_copy_identity(config, given->certificate, given->key, copies))
        return -1;
    item->certificate = copies[0];
    item->key = copies[1];
    item->in_memory = true;
    return 0;
}

/* One item of "certificates"; what was tried without success is not counted. */
static int fill(actpass_config *config, struct config_certificate *item, const struct given *given)
{
    int failed = given->in_memory ? set_texts(config, item, given) : set_files(config, item, given);
    if (!failed &&
        settings_set(config, &certificate_object, "server_names", given->server_name, item) == 0)
        return 0;
    key_release_all(&certificate_object, item);
    return -1;
}

static int add(actpass_config *config, const struct given *given)
{
    struct config_tls *tls = &config->connection.tls;
    for (size_t i = 0; i < tls->certificate_count; i++) {
        struct config_certificate *one = &tls->certificates[i];
        if (is_same(one, given))
            return settings_set(config, &certificate_object, "server_names", given->server_name,
                                one);
    }
    struct config_certificate *made = extend(tls);
    if (!made)
        return settings_fail(config, "out of memory");
    if (fill(config, made, given))
        return -1;
    tls->certificate_count++;
    return 0;
}

int actpass_config_add_certificate(actpass_config *config, const char *server_name,
                                   const char *certificate, const char *key)
{
    const struct given given = {server_name, certificate, key, false};
    if (settings_changeable(config))
        return -1;
    if (!server_name || !certificate || !key)
        return settings_fail(config, "a certificate for a server name is that name, a certificate "
                                     "file and a key file");
    return add(config, &given);
}

int actpass_config_add_certificate_pem(actpass_config *config, const char *server_name,
                                       const char *certificate, const char *key)
{
    const struct given given = {server_name, certificate, key, true};
    if (settings_changeable(config))
        return -1;
    if (!server_name || !certificate || !key)
        return settings_fail(config, "a certificate for a server name is that name, and a "
                                     "certificate and a key as PEM texts");
    return add(config, &given);
}
