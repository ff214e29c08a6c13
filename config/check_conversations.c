/* Exactly one conversation for each role that can occur. */
#include "config/check.h"

#include <stdlib.h>
#include <string.h>

/* The keys that are a conversation, of which one stands in each place. */
static const struct {
    const char *key;
    enum config_conversation_kind kind;
} kinds[] = {{"forward", CONFIG_CONVERSATION_FORWARD}, {"echo", CONFIG_CONVERSATION_ECHO}};

/* Sets the kind of what stands in the place; NULL if nothing does, else its key's place. */
static struct place *find_kind(struct messages *messages, const struct place *place,
                               struct config_conversation *conversation)
{
    struct place *found = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
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

static char *copy(struct messages *messages, const char *text)
{
    char *result = text ? strdup(text) : NULL;
    if (text && !result)
        messages->out_of_memory = true;
    return result;
}

static void copy_conversation(struct messages *messages, struct config_conversation *to,
                              const struct config_conversation *from)
{
    config_address_free(&to->forward);
    *to = *from;
    to->forward.text = copy(messages, from->forward.text);
    to->forward.host = copy(messages, from->forward.host);
    to->forward.path = copy(messages, from->forward.path);
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
        error_at(messages, place, "\"forward\" or \"echo\" is missing");
}

void check_conversations(const struct checked_service *checked)
{
    struct messages *messages = checked->messages;
    struct config_service *service = checked->service;
    struct place *roles[] = {place_find(checked->place, "as_server"),
                             place_find(checked->place, "as_client")};
    const struct place *both = find_kind(messages, checked->place, &service->as_server);
    for (size_t i = 0; both && i < 2; i++) {
        if (roles[i])
            error_at_key(messages, roles[i],
                         "\"%s\" stands for both roles already, remove one of the two",
                         both->item->string);
    }
    if (both) {
        copy_conversation(messages, &service->as_client, &service->as_server);
    } else if (!roles[0] && !roles[1]) {
        error_at(
            messages, checked->place,
            "the conversation is missing: add \"forward\" or \"echo\", or one for each role under "
            "\"as_server\" and \"as_client\"");
    } else {
        check_role(checked, "as_server", checked->may_serve, &service->as_server);
        check_role(checked, "as_client", checked->may_connect, &service->as_client);
    }
}
