#include "config/value_net.h"

#include "config/internal.h"
#include "config/key_set.h"
#include "config/value_type.h"

#include <stdlib.h>

static void *at(void *base, size_t offset)
{
    return (char *)base + offset;
}

/* Makes a path count from the configuration's folder. */
static bool resolve(struct messages *messages, const struct place *place, char **path)
{
    char *resolved = text_path_beside(origin_name(messages->origin, place->value), *path);
    if (!resolved) {
        messages->out_of_memory = true;
        return false;
    }
    free(*path);
    *path = resolved;
    return true;
}

static const char *resolve_socket(struct messages *messages, const struct place *place, char **path)
{
    return !resolve(messages, place, path) || strlen(*path) <= UNIX_PATH_MAX ? NULL
                                                                             : UNIX_PATH_TOO_LONG
               ", the configuration's folder included";
}

static void read_one(struct messages *messages, struct place *place, const struct key *key,
                     struct config_address *address)
{
    const char *text = value_string(messages, place, "an address in a string");
    if (!text)
        return;
    const char *wrong = key_parse_address(key, text, address);
    if (!wrong && address->kind == CONFIG_ADDRESS_UNIX && !config_address_is_abstract(address))
        wrong = resolve_socket(messages, place, &address->path);
    if (!wrong)
        return;
    messages_error_at(messages, place, "%s", wrong);
    config_address_free(address);
}

void value_read_address(struct messages *messages, struct place *place, const struct key *key,
                        void *base)
{
    read_one(messages, place, key, at(base, key->offset));
}

/* A list, or a string alone. The n-th address is the n-th item, an empty one where that is wrong.
 */
void value_read_addresses(struct messages *messages, struct place *place, const struct key *key,
                          void *base)
{
    bool alone = cJSON_IsString(place->item);
    size_t count =
        alone ? 1
              : value_list_size(messages, place, key, "an address in a string, or a list of them");
    struct config_address *addresses = count ? calloc(count, sizeof(*addresses)) : NULL;
    if (count && !addresses)
        messages->out_of_memory = true;
    if (!addresses)
        return;
    memcpy(at(base, key->offset), &addresses, sizeof(struct config_address *));
    *(size_t *)at(base, key->second) = count;
    if (alone)
        read_one(messages, place, key, addresses);
    for (struct place *child = place->child; child; child = child->next)
        read_one(messages, child, key, addresses++);
}

static void read_one_network(struct messages *messages, struct place *place,
                             struct config_network *network)
{
    struct error_text error;
    const char *text = value_string(messages, place, "a network in a string");
    if (text && !network_parse(text, network, &error))
        messages_error_at(messages, place, "%s", error.text);
}

void value_read_network(struct messages *messages, struct place *place, const struct key *key,
                        void *base)
{
    read_one_network(messages, place, at(base, key->offset));
}

/* The n-th network is the n-th item, an empty one where that is wrong. */
void value_read_networks(struct messages *messages, struct place *place, const struct key *key,
                         void *base)
{
    size_t count = value_list_size(messages, place, key, "a list of networks");
    struct config_network *networks = count ? calloc(count, sizeof(*networks)) : NULL;
    if (count && !networks)
        messages->out_of_memory = true;
    if (!networks)
        return;
    memcpy(at(base, key->offset), &networks, sizeof(struct config_network *));
    *(size_t *)at(base, key->second) = count;
    for (struct place *child = place->child; child; child = child->next)
        read_one_network(messages, child, networks++);
}

void value_read_sessions(struct messages *messages, struct place *place, const struct key *key,
                         void *base)
{
    struct config_sessions *sessions = at(base, key->offset);
    const char *text = value_string(messages, place, "a string");
    if (!text)
        return;
    const struct config_sessions before = *sessions; /* what has keys of its own stays */
    const char *wrong = config_sessions_parse(text, sessions);
    sessions->password_file = before.password_file;
    sessions->ca = before.ca;
    sessions->ca_system = before.ca_system;
    if (!wrong && sessions->kind == CONFIG_SESSIONS_REDIS && sessions->path)
        wrong = resolve_socket(messages, place, &sessions->path);
    else if (!wrong && sessions->path)
        (void)resolve(messages, place, &sessions->path);
    if (!wrong)
        return;
    messages_error_at(messages, place, "%s", wrong);
    config_sessions_free(sessions);
}
