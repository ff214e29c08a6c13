/* The folder of "http", and who may see its protected parts. */
#include "config/check.h"
#include "config/equal.h"

#include <stdlib.h>
#include <string.h>

static void check_prefixes(const struct checked_service *checked, const struct place *list,
                           const struct config_http *http)
{
    struct equals prefixes = {.messages = checked->messages};
    const struct config_protected *item = http->protected_paths;
    for (struct place *child = list->child; item && child; child = child->next, item++) {
        struct place *prefix = cJSON_IsObject(child->item) ? place_find(child, "prefix") : child;
        if (item->prefix)
            equals_add(&prefixes, prefix, strdup(item->prefix));
    }
    equals_report(&prefixes, "is in the list already");
}

/* Names need somebody to vouch for them, as those in "tls" do. */
static void check_names(const struct checked_service *checked, const struct place *list)
{
    const struct config_tls *tls = &checked->service->connection.tls;
    const struct place *ca = place_find(checked->tls, "ca");
    for (const struct place *child = list->child; child; child = child->next) {
        struct place *names = place_find(child, "peer_names");
        if (!names)
            continue;
        if (tls->insecure_any_peer)
            error_at_key(checked->messages, names,
                         "contradicts \"insecure_any_peer\": true, remove one of the two");
        else if (!ca)
            error_at_key(checked->messages, names,
                         "needs somebody to vouch for the names: add \"ca\" under \"tls\"");
    }
}

static void check_protected(const struct checked_service *checked, struct place *list,
                            const struct config_http *http, bool as_server)
{
    const struct place *client_auth = place_find(checked->tls, "client_auth");
    check_prefixes(checked, list, http);
    if (!checked->tls)
        return;
    check_names(checked, list);
    if (as_server && checked->role_known && !(client_auth && client_auth->bad) &&
        config_client_auth(&checked->service->connection.tls) == CONFIG_CLIENT_AUTH_NONE)
        error_at_key(checked->messages, list,
                     "needs clients that are asked for a certificate: add \"client_auth\": "
                     "\"on_demand\" under \"tls\" (or \"request\" or \"require\")");
}

/* The "http" in PLACE, if there is one. */
static void check_in(const struct checked_service *checked, const struct place *place,
                     const struct config_http *http, bool as_server)
{
    const struct place *here = place_find(place, "http");
    struct place *list = place_find(here, "protected");
    if (http->root)
        check_folder(checked->messages, place_find(here, "root"), http->root);
    if (here && list)
        check_protected(checked, list, http, as_server);
}

/* Only a warning: a program that uses the library may ask for the certificate itself. */
static void check_demand(const struct checked_service *checked)
{
    const struct config_service *service = checked->service;
    struct place *client_auth = place_find(checked->tls, "client_auth");
    if (service->connection.tls.client_auth == CONFIG_CLIENT_AUTH_ON_DEMAND &&
        checked->role_known && checked->may_serve &&
        (service->as_server.kind != CONFIG_CONVERSATION_HTTP ||
         !service->as_server.http.protected_paths))
        warning_at(checked->messages, client_auth,
                   "no client is asked for a certificate: nothing but \"http\" with \"protected\" "
                   "demands one");
}

void check_http(const struct checked_service *checked)
{
    const struct config_service *service = checked->service;
    check_demand(checked);
    const struct place *as_server = place_find(checked->place, "as_server");
    const struct place *as_client = place_find(checked->place, "as_client");
    if (!as_server && !as_client) {
        check_in(checked, checked->place, &service->as_server.http, checked->may_serve);
        return;
    }
    check_in(checked, as_server, &service->as_server.http, true);
    check_in(checked, as_client, &service->as_client.http, false);
}
