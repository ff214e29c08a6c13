/* Certificates for several server names, and what else only a TLS server sends. */
#include "config/check.h"
#include "config/equal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void add_names(struct equals *equals, const struct place *names)
{
    for (struct place *child = names ? names->child : NULL; child; child = child->next) {
        const char *text = cJSON_GetStringValue(child->item);
        char *name = text && !child->bad ? strdup(text) : NULL;
        for (char *at = name; at && *at; at++)
            *at = (char)tolower((unsigned char)*at);
        if (text && !child->bad)
            equals_add(equals, child, name);
    }
}

static void check_list(const struct checked_service *checked, const struct place *list)
{
    const struct config_certificate *certificate = checked->service->connection.tls.certificates;
    struct equals names = {.messages = checked->messages};
    if (!certificate)
        return;
    for (struct place *child = list->child; child; child = child->next, certificate++) {
        add_names(&names, place_find(child, "server_names"));
        check_key_pair(checked->messages, child, certificate);
    }
    equals_report(&names, "another certificate has this name");
}

void check_certificates(const struct checked_service *checked)
{
    static const char *const keys[] = {"certificates", "unknown_server_name", "ocsp_response"};
    struct place *list = place_find(checked->tls, "certificates");
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        struct place *place = place_find(checked->tls, keys[i]);
        if (place && checked->role_known && !checked->may_serve)
            messages_error_at_key(checked->messages, place,
                                  "is for a TLS server, which this service never is, remove it");
    }
    if (list)
        check_list(checked, list);
}
