/* Configurations' lives: defaults and release. */
#include "config/config.h"

#include "config/internal.h"
#include "config/key_set.h"
#include "config/origin.h"

#include <stdlib.h>

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

struct config_connection config_connection_without_tls(const struct config_connection *connection)
{
    struct config_connection copy = *connection;
    copy.tls = (struct config_tls){0};
    return copy;
}

void config_connection_free(struct config_connection *connection)
{
    key_release_all(&tls_object, &connection->tls);
}

void config_forget_origin(struct config *config)
{
    origin_free(config->origin);
    config->origin = NULL;
}

void config_free(struct config *config)
{
    if (!config)
        return;
    config_forget_origin(config);
    key_release_all(&config_object, config);
    config_strings_free(&config->sources);
    free(config);
}
