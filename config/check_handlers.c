/* Exactly one handler for each role that can occur. */
#include "config/check.h"
#include "config/internal.h"
#include "config/keys.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_SIZE = 256 };

/* The keys of all handlers, as a message lists them. */
static void list_handlers(char list[LIST_SIZE])
{
    const char *names[CONFIG_HANDLER_COUNT] = {0};
    size_t count = 0;
    for (const struct key *key = handler_object.keys; key->name; key++)
        if (key->choice == KEY_HANDLER)
            names[count++] = key->name;
    suggest_join(names, " or ", list, LIST_SIZE);
}

/* The key of a handler in the place; NULL: none. All but the first are errors. */
static struct place *find_handler(struct messages *messages, const struct place *place)
{
    struct place *found = NULL;
    for (const struct key *key = handler_object.keys; key->name; key++) {
        struct place *other = key->choice == KEY_HANDLER ? place_find(place, key->name) : NULL;
        if (!found || !other) {
            found = found ? found : other;
            continue;
        }
        struct place *second = other->index > found->index ? other : found;
        found = second == other ? found : other;
        messages_error_at_key(messages, second, "there is \"%s\" already, remove one of the two",
                              found->item->string);
    }
    return found;
}

static bool says(const struct place *place, const char *word)
{
    const char *text = place ? cJSON_GetStringValue(place->item) : NULL;
    return text && strcmp(text, word) == 0;
}

static void check_tlvs(struct messages *messages, const struct place *place)
{
    struct place *tlvs = place_find(place, "proxy_tlvs");
    const struct place *version = place_find(place, "proxy_protocol");
    if (!tlvs || !version || version->bad)
        return;
    if (!says(version, "v2"))
        messages_error_at_key(messages, tlvs, "only goes with \"proxy_protocol\": \"v2\"");
    for (struct place *child = tlvs->child; child; child = child->next)
        if (says(child, "none") && tlvs->child->next)
            messages_error_at(messages, child, "excludes the others, remove it or them");
}

void check_object_handler(struct messages *messages, struct place *place)
{
    char list[LIST_SIZE];
    list_handlers(list);
    if (!find_handler(messages, place))
        messages_error_at(messages, place, "%s is missing", list);
    for (const struct key *key = handler_object.keys; key->name; key++) {
        struct place *option = key->needs ? place_find(place, key->name) : NULL;
        if (option && !place_find(place, key->needs))
            messages_error_at_key(messages, option, "only goes with \"%s\", remove it", key->needs);
    }
    check_tlvs(messages, place);
}

/* A handler of one role: there and complete where the role occurs, otherwise not there. */
static void check_role(const struct checked_service *checked, const char *key, bool occurs)
{
    struct messages *messages = checked->messages;
    struct place *place = place_find(checked->place, key);
    if (place && !occurs && checked->role_known)
        messages_error_at_key(messages, place, "never happens with \"role\": \"%s\", remove it",
                              checked->may_serve ? "server" : "client");
    else if (!place && occurs && checked->role_known)
        messages_error_at(messages, checked->place,
                          "\"%s\" is missing: this service may become TLS %s. Add it, or write the "
                          "handler in the service itself, for both roles",
                          key, key + strlen("as_"));
    if (place && cJSON_IsObject(place->item))
        check_object_handler(messages, place);
}

/* With "listen_plain", the bridge is the handler. */
static void check_bridge(const struct checked_service *checked, const struct place *bridge)
{
    for (const struct key *key = service_object.keys; key->name; key++) {
        bool handler = key->choice == KEY_HANDLER || key->choice == KEY_HANDLER_BY_ROLE ||
                       key->object == &route_object;
        struct place *place = handler ? place_find(checked->place, key->name) : NULL;
        if (place && place != bridge)
            messages_error_at_key(
                checked->messages, place,
                "must not be set together with \"listen_plain\": the local connection is the "
                "handler; remove one of the two");
    }
}

static void check_missing(const struct checked_service *checked)
{
    if (checked->dial && !config_dial_is_kept(&checked->service->dial))
        return; /* reported already */
    char list[LIST_SIZE];
    list_handlers(list);
    if (checked->listen && checked->role_known && !checked->may_serve) {
        messages_error_at(checked->messages, checked->place,
                          "the handler is missing: add \"as_client\" with %s, such as "
                          "\"as_client\": {\"forward\": \"127.0.0.1:8080\"}, since a peer that "
                          "connects must be a TLS server here (call home)",
                          list);
        return;
    }
    messages_error_at(
        checked->messages, checked->place,
        "the handler is missing: add %s, or one for each role under \"as_server\" and "
        "\"as_client\"",
        list);
}

void check_handlers(const struct checked_service *checked)
{
    struct messages *messages = checked->messages;
    const struct place *bridge = place_find(checked->place, "listen_plain");
    struct place *roles[] = {place_find(checked->place, "as_server"),
                             place_find(checked->place, "as_client")};
    check_tlvs(messages, checked->place);
    if (bridge) {
        check_bridge(checked, bridge);
        return;
    }
    const struct place *both = find_handler(messages, checked->place);
    for (size_t i = 0; both && i < 2; i++) {
        if (roles[i])
            messages_error_at_key(messages, roles[i],
                                  "\"%s\" is set for both roles already, remove one of the two",
                                  both->item->string);
    }
    if (!both && !roles[0] && !roles[1]) {
        check_missing(checked);
    } else if (!both) {
        check_role(checked, "as_server", checked->may_serve);
        check_role(checked, "as_client", checked->may_connect);
    }
}
