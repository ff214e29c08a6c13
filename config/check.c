#include "config/check.h"

#include "config/internal.h"

#include <stdlib.h>

struct entry {
    char *text;
    struct place *place;
};

static int compare(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    int order = strcmp(a->text, b->text);
    if (order == 0)
        order = a->place->parent->index < b->place->parent->index ? -1 : 1;
    return order;
}

/* Reports all but the first of equal texts, and frees them. */
static void report_equal(struct messages *messages, struct entry *entries, size_t count,
                         const char *wrong)
{
    size_t first = 0;
    if (count)
        qsort(entries, count, sizeof *entries, compare);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(entries[first].text, entries[i].text) != 0)
            first = i;
        else
            error_at(messages, entries[i].place, "%s, see %u:%u", wrong,
                     entries[first].place->value.line, entries[first].place->value.column);
    }
    for (size_t i = 0; i < count; i++)
        free(entries[i].text);
}

static char *name_of(const struct config_service *service)
{
    return strdup(service->name);
}

static char *listen_of(const struct config_service *service)
{
    return address_canonical(&service->listen);
}

static bool has_name(const struct config_service *service)
{
    return service->name != NULL;
}

static bool has_listen(const struct config_service *service) /* port 0 is a new one each time */
{
    return service->listen.kind == CONFIG_ADDRESS_UNIX ||
           (service->listen.kind == CONFIG_ADDRESS_TCP && service->listen.port != 0);
}

static void check_equal(struct messages *messages, const struct place *services,
                        struct config *config, const char *key,
                        bool (*has)(const struct config_service *),
                        char *(*text_of)(const struct config_service *), const char *wrong)
{
    struct entry *entries = calloc(config->service_count, sizeof *entries);
    struct config_service *service = config->services;
    size_t count = 0;
    if (!entries) {
        messages->out_of_memory = true;
        return;
    }
    for (struct place *child = services->child; child; child = child->next, service++) {
        if (!has(service))
            continue;
        entries[count] = (struct entry){text_of(service), place_find(child, key)};
        if (entries[count].text)
            count++;
        else
            messages->out_of_memory = true;
    }
    report_equal(messages, entries, count, wrong);
    free(entries);
}

void check_unique(struct messages *messages, const struct place *services, struct config *config)
{
    check_equal(messages, services, config, "name", has_name, name_of,
                "another service has this name");
    check_equal(messages, services, config, "listen", has_listen, listen_of,
                "another service listens on this address");
}

static void check_service(struct messages *messages, struct place *place,
                          struct config_service *service)
{
    const struct place *role = place_find(place, "role");
    struct place *tls = place_find(place, "tls");
    struct checked_service checked = {
        .messages = messages,
        .service = service,
        .place = place,
        .tls = tls && !tls->bad ? tls : NULL,
        .role_known = !role || !role->bad,
        .may_serve = service->connection.role != CONFIG_ROLE_CLIENT,
        .may_connect = service->connection.role != CONFIG_ROLE_SERVER,
    };
    check_conversations(&checked);
    if (!checked.tls)
        return;
    check_trust(&checked);
    check_files(&checked);
}

void check(struct messages *messages, const struct place *root, struct config *config)
{
    const struct place *services = place_find(root, "services");
    struct config_service *service = config->services;
    if (!service)
        return;
    for (struct place *child = services->child; child; child = child->next, service++) {
        if (cJSON_IsObject(child->item))
            check_service(messages, child, service);
    }
    check_unique(messages, services, config);
}
