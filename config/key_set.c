#include "config/key_set.h"

#include "config/config.h"
#include "config/internal.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- Checks ------------------------------------------------------------------------------- */

/* True if nothing is wrong. */
static bool accept(const char *wrong, struct error_text *error)
{
    if (!wrong)
        return true;
    return error_set_code(error, wrong == text_no_memory ? ERROR_NO_MEMORY : ERROR_OTHER, "%s",
                          wrong);
}

const char *key_wrong_text(const char *text)
{
    if (text[0] == '\0')
        return "must not be empty";
    return text_has_control(text) ? "must not hold control characters" : NULL;
}

static bool accept_text(const struct key *key, const char *text, struct error_text *error)
{
    if (key->empty && text[0] == '\0')
        return true;
    const char *wrong = key_wrong_text(text);
    if (!wrong && key->wrong)
        wrong = key->wrong(text);
    return accept(wrong, error) && (!key->accepts || key->accepts(text, error));
}

static bool has_room(const struct key *key, size_t count, struct error_text *error)
{
    if ((int64_t)count < key->max)
        return true;
    return error_set(error, "must have at most %" PRId64 " items", key->max);
}

/* ---- Texts -------------------------------------------------------------------------------- */

/* It may be a private key in memory. TEXT may be NULL. */
static void wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

static const char *replace(char **stored, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        return text_no_memory;
    wipe(*stored);
    *stored = copy;
    return NULL;
}

static const char *add_string(struct config_strings *strings, const char *text)
{
    char **items = reallocarray(strings->items, strings->count + 1, sizeof(*items));
    if (!items)
        return text_no_memory;
    strings->items = items;
    items[strings->count] = NULL;
    const char *wrong = replace(&items[strings->count], text);
    strings->count += !wrong;
    return wrong;
}

static const char *add_name(struct config_peer_names *names, const char *text)
{
    struct config_peer_name *items = reallocarray(names->items, names->count + 1, sizeof(*items));
    if (!items)
        return text_no_memory;
    names->items = items;
    const char *wrong = config_peer_name_parse(text, &items[names->count]);
    names->count += !wrong;
    return wrong;
}

static const char *add_pin(struct config_pins *pins, const char *text)
{
    struct config_pin *items = reallocarray(pins->items, pins->count + 1, sizeof(*items));
    if (!items)
        return text_no_memory;
    pins->items = items;
    const char *wrong = config_pin_parse(text, &items[pins->count]);
    pins->count += !wrong;
    return wrong;
}

static bool is_word(const struct key *key, const char *text)
{
    return key->word && strcmp(text, key->word) == 0;
}

bool key_is_path(const struct key *key, const char *text)
{
    return !is_word(key, text) &&
           !(key->scheme && strncmp(text, key->scheme, strlen(key->scheme)) == 0);
}

static const char *set_path(const struct key *key, const char *text, void *base)
{
    char **path = (char **)(void *)((char *)base + key->offset);
    bool word = is_word(key, text);
    const char *wrong = word ? NULL : replace(path, text);
    if (word)
        key_release(key, base);
    if (key->word && !wrong)
        *((bool *)base + key->second) = word;
    return wrong;
}

const char *key_parse_address(const struct key *key, const char *text,
                              struct config_address *address)
{
    const char *wrong = key->listens ? config_address_parse_range(text, address)
                                     : config_address_parse(text, address);
    bool no_port = key->type == KEY_ADDRESSES || key->min > 0; /* 0 makes no sense there */
    if (!wrong && !key->listens && no_port && address->kind == CONFIG_ADDRESS_TCP &&
        address->port == 0)
        wrong = "port 0 is only for listening";
    if (!wrong && key->ip && !config_address_is_ip(address))
        wrong = "must be an IP address of this machine and a port, as in 0.0.0.0:4433 or [::]:0";
    if (wrong)
        config_address_free(address);
    return wrong;
}

static const char *set_address(const struct key *key, const char *text,
                               struct config_address *stored)
{
    struct config_address address;
    const char *wrong = key_parse_address(key, text, &address);
    if (wrong)
        return wrong;
    config_address_free(stored);
    *stored = address;
    return NULL;
}

static const char *set_proxy(const char *text, struct config_proxy *stored)
{
    struct config_proxy proxy;
    const char *wrong = config_proxy_parse(text, &proxy);
    if (wrong)
        return wrong;
    config_proxy_free(stored);
    *stored = proxy;
    return NULL;
}

bool key_set_text(const struct key *key, const char *text, void *base, struct error_text *error)
{
    if (!accept_text(key, text, error))
        return false;
    if (key->offset == KEY_NOWHERE)
        return true;
    void *stored = (char *)base + key->offset;
    switch (key->type) {
    case KEY_STRINGS: {
        struct config_strings *strings = stored;
        return has_room(key, strings->count, error) && accept(add_string(strings, text), error);
    }
    case KEY_PEER_NAMES: {
        struct config_peer_names *names = stored;
        return has_room(key, names->count, error) && accept(add_name(names, text), error);
    }
    case KEY_PEER_PINS: {
        struct config_pins *pins = stored;
        return has_room(key, pins->count, error) && accept(add_pin(pins, text), error);
    }
    case KEY_ADDRESS:
        return accept(set_address(key, text, stored), error);
    case KEY_PROXY:
        return accept(set_proxy(text, stored), error);
    case KEY_PATH:
        return accept(set_path(key, text, base), error);
    default:
        return accept(replace(stored, text), error);
    }
}

/* ---- Numbers ------------------------------------------------------------------------------ */

bool key_set_number(const struct key *key, int64_t number, void *base, struct error_text *error)
{
    void *stored = (char *)base + key->offset;
    bool never = key->type == KEY_DURATION && number == CONFIG_NEVER;
    bool inside = (never && key->never) || (number >= key->min && number <= key->max);
    if (never && !inside)
        error_set(error, "\"never\" is not allowed here; the longest is \"%s\"",
                  duration_print(key->max).text);
    else if (!inside && key->type == KEY_DURATION)
        error_set(error, "must be from \"%s\" to \"%s\"", duration_print(key->min).text,
                  duration_print(key->max).text);
    else if (!inside)
        error_set(error, "must be from %" PRId64 " to %" PRId64, key->min, key->max);
    else if (key->type == KEY_DURATION)
        *(int64_t *)stored = number;
    else
        *(uint64_t *)stored = (uint64_t)number;
    return inside;
}

/* ---- Release ------------------------------------------------------------------------------ */

static void release_text(const struct key *key, void *base)
{
    char **text = (char **)(void *)((char *)base + key->offset);
    wipe(*text);
    *text = NULL;
    if (key->word)
        *((bool *)base + key->second) = false;
}

static void release_addresses(struct config_address **addresses, size_t *count)
{
    for (size_t i = 0; i < *count; i++)
        config_address_free(&(*addresses)[i]);
    free(*addresses);
    *addresses = NULL;
    *count = 0;
}

static void release_pins(struct config_pins *pins)
{
    free(pins->items);
    *pins = (struct config_pins){0};
}

static void release_networks(struct config_network **networks, size_t *count)
{
    free(*networks);
    *networks = NULL;
    *count = 0;
}

static void release_objects(const struct key_object *object, void *list, size_t *count)
{
    char *elements;
    memcpy(&elements, list, sizeof(elements)); /* a pointer of any type */
    for (size_t i = 0; i < *count; i++)
        key_release_all(object, elements + i * object->size);
    free(elements);
    memset(list, 0, sizeof(elements));
    *count = 0;
}

void key_release(const struct key *key, void *base)
{
    if (key->offset == KEY_NOWHERE)
        return;
    void *stored = (char *)base + key->offset;
    void *second = (char *)base + key->second;
    if (key->type == KEY_STRING || key->type == KEY_PATH)
        release_text(key, base);
    else if (key->type == KEY_STRINGS)
        config_strings_free(stored);
    else if (key->type == KEY_PEER_NAMES)
        config_peer_names_free(stored);
    else if (key->type == KEY_PEER_PINS)
        release_pins(stored);
    else if (key->type == KEY_ADDRESS)
        config_address_free(stored);
    else if (key->type == KEY_ADDRESSES)
        release_addresses(stored, second);
    else if (key->type == KEY_NETWORKS)
        release_networks(stored, second);
    else if (key->type == KEY_SESSIONS)
        config_sessions_free(stored);
    else if (key->type == KEY_PROXY)
        config_proxy_free(stored);
    else if (key->type == KEY_OBJECT)
        key_release_all(key->object, stored);
    else if (key->type == KEY_OBJECTS)
        release_objects(key->object, stored, second);
}

void key_release_all(const struct key_object *object, void *base)
{
    for (const struct key *key = object->keys; key->name; key++)
        key_release(key, base);
}
