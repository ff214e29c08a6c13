/* Certificates for several server names, and what else only a TLS server sends. */
#include "config/certificate_folder.h"
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

static void check_names(struct messages *messages, const struct place *list)
{
    struct equals names = {.messages = messages};
    add_names(&names, list);
    equals_report(&names, "is in the list already");
}

/* What each certificate in a folder has for itself cannot be given for all. */
static void check_in_folder(struct messages *messages, struct place *place, const char *folder)
{
    static const char *const keys[] = {"server_names", "key", "key_passphrase_file"};
    struct place *path = place_find(place, "certificate");
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        struct place *beside = place_find(place, keys[i]);
        if (beside)
            messages_error_at_key(messages, beside,
                                  "is for one certificate, and \"certificate\" is a folder: remove "
                                  "it, or name a file");
    }
    check_folder(messages, path ? path : place, folder);
}

/* Whether two are for the same name and have the same type of key, their files show. */
static void check_list(const struct checked_service *checked, const struct place *list)
{
    const struct config_certificate *certificate = checked->service->connection.tls.certificates;
    if (!certificate)
        return;
    for (struct place *child = list->child; child; child = child->next, certificate++) {
        check_names(checked->messages, place_find(child, "server_names"));
        if (certificate->certificate && certificate_folder_is(certificate->certificate))
            check_in_folder(checked->messages, child, certificate->certificate);
        else
            check_key_pair(checked->messages, child, certificate);
    }
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
