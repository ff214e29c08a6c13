/* Configurations' lives: defaults and release. */
#include "config/config.h"

#include "config/internal.h"

#include <stdlib.h>

static void strings_free(struct config_strings *strings)
{
    for (size_t i = 0; i < strings->count; i++)
        free(strings->items[i]);
    free(strings->items);
    *strings = (struct config_strings){0};
}

void config_connection_init(struct config_connection *connection)
{
    *connection = (struct config_connection){
        .initial_data_timeout_ms = 5000,
        .handshake_timeout_ms = 10000,
        .idle_timeout_ms = CONFIG_NEVER,
        .write_timeout_ms = 60000,
        .close_timeout_ms = 5000,
        .tls = {.sessions = {.kind = CONFIG_SESSIONS_MEMORY}, .session_timeout_ms = 300000},
    };
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
    strings_free(&tls->alpn);
    *tls = (struct config_tls){0};
}

void config_service_init(struct config_service *service)
{
    *service = (struct config_service){
        .max_connections = 10000,
        .tcp_fast_open_queue = 256,
        .dial = {.retry_min_ms = 1000, .retry_max_ms = 60000, .connect_timeout_ms = 10000},
    };
    config_connection_init(&service->connection);
}

static void service_free(struct config_service *service)
{
    free(service->name);
    config_address_free(&service->listen);
    config_connection_free(&service->connection);
    config_address_free(&service->as_server.forward);
    config_address_free(&service->as_client.forward);
}

void config_init(struct config *config)
{
    *config = (struct config){.log_level = CONFIG_LOG_INFO, .shutdown_timeout_ms = 30000};
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
