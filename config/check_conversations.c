/* Exactly one conversation for each role that can occur. */
#include "config/check.h"
#include "config/internal.h"
#include "config/key_set.h"
#include "config/read.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_SIZE = 256 };

/* The keys of all handlers, as a message lists them. */
static void list_handlers(char list[LIST_SIZE])
{
    const char *names[CONFIG_CONVERSATION_COUNT] = {0};
    for (size_t i = 0; conversation_object.keys[i].name; i++)
        names[i] = conversation_object.keys[i].name;
    join_names(names, " or ", list, LIST_SIZE);
}

/* The place of the one handler's key here, whose kind is stored. NULL: there is none. */
static struct place *find_kind(struct messages *messages, const struct place *place,
                               struct config_conversation *conversation)
{
    struct place *found = NULL;
    for (const struct key *key = conversation_object.keys; key->name; key++) {
        struct place *other = place_find(place, key->name);
        if (other && found) {
            struct place *second = other->index > found->index ? other : found;
            struct place *first = second == other ? found : other;
            error_at_key(messages, second, "there is \"%s\" already, remove one of the two",
                         first->item->string);
        } else if (other) {
            found = other;
            conversation->kind = (enum config_conversation_kind)key->handler;
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
    if (place && cJSON_IsObject(place->item) && !find_kind(messages, place, conversation)) {
        char list[LIST_SIZE];
        list_handlers(list);
        error_at(messages, place, "%s is missing", list);
    }
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
    for (const struct key *key = service_object.keys; key->name; key++) {
        bool handles = key->handler || key->choice == KEY_HANDLER_BY_ROLE;
        struct place *place = handles ? place_find(checked->place, key->name) : NULL;
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
    char list[LIST_SIZE];
    list_handlers(list);
    error_at(checked->messages, checked->place,
             "the conversation is missing: add %s, or one for each role under \"as_server\" and "
             "\"as_client\"",
             list);
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
