/* Exactly one conversation for each role that can occur. */
#include "config/check.h"
#include "config/internal.h"
#include "config/key_set.h"
#include "config/read.h"

#include <stdlib.h>
#include <string.h>

/* The keys that are a conversation, of which one stands in each place. */
static const struct {
    const char *key;
    enum config_conversation_kind kind;
} kinds[] = {{"forward", CONFIG_CONVERSATION_FORWARD},
             {"echo", CONFIG_CONVERSATION_ECHO},
             {"http", CONFIG_CONVERSATION_HTTP}};

/* Sets the kind of what stands in the place; NULL if nothing does, else its key's place. */
static struct place *find_kind(struct messages *messages, const struct place *place,
                               struct config_conversation *conversation)
{
    struct place *found = NULL;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        struct place *other = place_find(place, kinds[i].key);
        if (other && found) {
            struct place *second = other->index > found->index ? other : found;
            struct place *first = second == other ? found : other;
            error_at_key(messages, second, "there is \"%s\" already, remove one of the two",
                         first->item->string);
        } else if (other) {
            found = other;
            conversation->kind = kinds[i].kind;
        }
    }
    return found;
}

/* A conversation of one role: there and complete where the role occurs, otherwise not there. */
static void check_role(const struct checked_service *checked, const char *key, bool occurs,
                       struct config_conversation *conversation)
{
    struct messages *messages = checked->messages;
    struct place *place = place_find(checked->place, key);
    if (place && !occurs && checked->role_known)
        error_at_key(messages, place, "never happens with \"role\": \"%s\", remove it",
                     checked->may_serve ? "server" : "client");
    else if (!place && occurs && checked->role_known)
        error_at(messages, checked->place, "\"%s\" is missing: this service may become TLS %s", key,
                 key + strlen("as_"));
    if (place && cJSON_IsObject(place->item) && !find_kind(messages, place, conversation))
        error_at(messages, place, "\"forward\", \"echo\" or \"http\" is missing");
}

/* What stands for both roles is read once for each. Where it cannot stand it is only checked. */
static void read_both(const struct checked_service *checked, bool wanted)
{
    struct config_service *service = checked->service;
    struct config_conversation unused = {0};
    read_keys(checked->messages, checked->place, &conversation_object,
              wanted ? &service->as_server : &unused);
    key_release_all(&conversation_object, &unused);
    if (wanted && !checked->messages->failed)
        read_keys(checked->messages, checked->place, &conversation_object, &service->as_client);
}

/* With "listen_plain", the bridge is the conversation. */
static void check_bridge(const struct checked_service *checked)
{
    static const char *const keys[] = {"forward", "echo", "http", "as_server", "as_client"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        struct place *place = place_find(checked->place, keys[i]);
        if (place)
            error_at_key(checked->messages, place,
                         "cannot stand beside \"listen_plain\": the local connection is the "
                         "conversation; remove one of the two");
    }
}

static void check_missing(const struct checked_service *checked)
{
    if (checked->dial && !checked->service->dial.persistent)
        return; /* reported already */
    error_at(
        checked->messages, checked->place,
        "the conversation is missing: add \"forward\", \"echo\" or \"http\", or one for each role "
        "under \"as_server\" and \"as_client\"");
}

void check_conversations(const struct checked_service *checked)
{
    struct messages *messages = checked->messages;
    struct config_service *service = checked->service;
    struct place *roles[] = {place_find(checked->place, "as_server"),
                             place_find(checked->place, "as_client")};
    if (place_find(checked->place, "listen_plain")) {
        check_bridge(checked);
        read_both(checked, false);
        return;
    }
    const struct place *both = find_kind(messages, checked->place, &service->as_server);
    for (size_t i = 0; both && i < 2; i++) {
        if (roles[i])
            error_at_key(messages, roles[i],
                         "\"%s\" stands for both roles already, remove one of the two",
                         both->item->string);
    }
    read_both(checked, !roles[0] && !roles[1]);
    if (both) {
        service->as_client.kind = service->as_server.kind;
    } else if (!roles[0] && !roles[1]) {
        check_missing(checked);
    } else {
        check_role(checked, "as_server", checked->may_serve, &service->as_server);
        check_role(checked, "as_client", checked->may_connect, &service->as_client);
    }
}
