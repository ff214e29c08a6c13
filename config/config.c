/* Configurations' lives: defaults and release. */
#include "config/config.h"

#include "config/internal.h"
#include "config/keys.h"

#include <stdlib.h>

static void strings_free(struct config_strings *strings)
{
    for (size_t i = 0; i < strings->count; i++)
        free(strings->items[i]);
    free(strings->items);
    *strings = (struct config_strings){0};
}

void config_init(struct config *config)
{
    *config = (struct config){0};
    key_set_defaults(&config_object, config);
}

void config_service_init(struct config_service *service)
{
    *service = (struct config_service){0};
    key_set_defaults(&service_object, service);
}

void config_connection_init(struct config_connection *connection)
{
    struct config_service service;
    config_service_init(&service);
    *connection = service.connection;
}

static void certificates_free(struct config_tls *tls)
{
    for (size_t i = 0; i < tls->certificate_count; i++) {
        strings_free(&tls->certificates[i].server_names);
        free(tls->certificates[i].certificate);
        free(tls->certificates[i].key);
    }
    free(tls->certificates);
}

void config_connection_free(struct config_connection *connection)
{
    struct config_tls *tls = &connection->tls;
    free(tls->certificate);
    free(tls->key);
    free(tls->ca);
    strings_free(&tls->peer_names);
    strings_free(&tls->peer_pins);
    free(tls->server_name);
    free(tls->ciphers);
    free(tls->ciphersuites);
    free(tls->groups);
    strings_free(&tls->alpn);
    free(tls->crl);
    free(tls->ocsp_response);
    certificates_free(tls);
    config_sessions_free(&tls->sessions);
    free(tls->session_key_file);
    *tls = (struct config_tls){0};
}

void config_conversation_free(struct config_conversation *conversation)
{
    struct config_http *http = &conversation->http;
    config_address_free(&conversation->forward);
    free(http->root);
    free(http->index);
    for (size_t i = 0; i < http->protected_count; i++) {
        free(http->protected_paths[i].prefix);
        strings_free(&http->protected_paths[i].peer_names);
        strings_free(&http->protected_paths[i].peer_pins);
    }
    free(http->protected_paths);
    *conversation = (struct config_conversation){0};
}

static void dial_free(struct config_dial *dial)
{
    for (size_t i = 0; i < dial->address_count; i++)
        config_address_free(&dial->addresses[i]);
    free(dial->addresses);
    config_address_free(&dial->from);
    config_address_free(&dial->listen_plain);
}

static void service_free(struct config_service *service)
{
    free(service->name);
    config_address_free(&service->listen);
    dial_free(&service->dial);
    free(service->role_hints);
    free(service->limits.allow);
    free(service->limits.deny);
    config_connection_free(&service->connection);
    config_conversation_free(&service->as_server);
    config_conversation_free(&service->as_client);
}

void config_free(struct config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < config->service_count; i++)
        service_free(&config->services[i]);
    free(config->services);
    free(config);
}

void config_report_free(struct config_report *report)
{
    strings_free(&report->errors);
    strings_free(&report->warnings);
}
