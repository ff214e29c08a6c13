#include "server/daemon/proxy/rules.h"

#include "server/lib/peers.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct proxy_rules {
    size_t count;
    struct config_target items[];
};

struct proxy_rules *proxy_rules_new(const struct config_strings *allow, struct error_text *error)
{
    struct proxy_rules *rules = calloc(1, sizeof(*rules) + allow->count * sizeof(rules->items[0]));
    if (!rules) {
        (void)error_set(error, "out of memory for \"allow\"");
        return NULL;
    }
    for (; rules->count < allow->count; rules->count++) {
        const char *text = allow->items[rules->count];
        struct error_text wrong;
        if (!config_target_parse(text, &rules->items[rules->count], &wrong)) {
            (void)error_set(error, "\"allow\": %.100s: %.300s", text, wrong.text);
            free(rules);
            return NULL;
        }
    }
    return rules;
}

void proxy_rules_free(struct proxy_rules *rules)
{
    free(rules);
}

bool proxy_rules_have_name(const struct proxy_rules *rules, const char *name, uint16_t port)
{
    for (size_t i = 0; i < rules->count; i++) {
        const struct config_target *target = &rules->items[i];
        bool named =
            name ? config_target_has_name(target, name) : target->kind == CONFIG_TARGET_ANY;
        if (named && config_target_has_port(target, port))
            return true;
    }
    return false;
}

bool proxy_rules_may_dial(const struct proxy_rules *rules, const char *name, uint16_t port)
{
    for (size_t i = 0; i < rules->count; i++)
        if (rules->items[i].kind == CONFIG_TARGET_NETWORK &&
            config_target_has_port(&rules->items[i], port))
            return true;
    return proxy_rules_have_name(rules, name, port);
}

/* IPv6 addresses that lead to the IPv4 address in them, from that byte on. */
static const struct {
    struct config_network network;
    size_t begin;
} embedding[] = {
    {{AF_INET6, {0}, 96}, 12},                                  /* IPv4-compatible; ::1 and :: */
    {{AF_INET6, {0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96}, 12}, /* IPv4-translated, RFC 2765 */
    {{AF_INET6, {0, 0x64, 0xff, 0x9b}, 96}, 12}, /* NAT64, which DNS64 answers with */
    {{AF_INET6, {0x20, 2}, 16}, 2},              /* 6to4 */
};

/* False: there is none in it. */
static bool find_embedded(const struct peer_key *key, struct peer_key *embedded)
{
    for (size_t i = 0; i < sizeof(embedding) / sizeof(*embedding); i++) {
        if (!peer_key_is_in(key, &embedding[i].network))
            continue;
        struct sockaddr_in address = {.sin_family = AF_INET};
        memcpy(&address.sin_addr, key->address + embedding[i].begin, sizeof(address.sin_addr));
        return peer_key_of((const struct sockaddr *)&address, embedded);
    }
    return false;
}

/* Those that lead to this machine, to its link or to many. */
static bool is_special_itself(const struct peer_key *key)
{
    static const struct config_network special[] = {
        {AF_INET, {0}, 8},
        {AF_INET, {127}, 8},
        {AF_INET, {169, 254}, 16},
        {AF_INET, {224}, 4},
        {AF_INET, {255, 255, 255, 255}, 32},
        {AF_INET6, {0, 0x64, 0xff, 0x9b, 0, 1}, 48}, /* NAT64 of the site's own: who knows where */
        {AF_INET6, {0xfe, 0x80}, 10},
        {AF_INET6, {0xfe, 0xc0}, 10},
        {AF_INET6, {0xff}, 8},
    };
    for (size_t i = 0; i < sizeof(special) / sizeof(*special); i++)
        if (peer_key_is_in(key, &special[i]))
            return true;
    return false;
}

static bool is_special(const struct peer_key *key)
{
    struct peer_key embedded;
    return is_special_itself(key) ||
           (find_embedded(key, &embedded) && is_special_itself(&embedded));
}

bool proxy_rules_have_address(const struct proxy_rules *rules, const struct sockaddr *address,
                              uint16_t port, bool by_name)
{
    struct peer_key key;
    if (!peer_key_of(address, &key))
        return false;
    for (size_t i = 0; i < rules->count; i++) {
        const struct config_target *target = &rules->items[i];
        if (target->kind == CONFIG_TARGET_NETWORK && peer_key_is_in(&key, &target->network) &&
            config_target_has_port(target, port))
            return true;
    }
    return by_name && !is_special(&key);
}
