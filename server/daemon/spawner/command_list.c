#include "server/daemon/spawner/command_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The key: FNV-1a of all values, each with its end ---------------------------------------- */

static void add_bytes(uint64_t *key, const void *bytes, size_t size)
{
    const unsigned char *byte = bytes;
    for (size_t i = 0; i < size; i++)
        *key = (*key ^ byte[i]) * UINT64_C(1099511628211);
}

static void add_number(uint64_t *key, uint64_t number)
{
    add_bytes(key, &number, sizeof(number));
}

static void add_text(uint64_t *key, const char *text)
{
    add_number(key, text ? strlen(text) + 1 : 0);
    if (text)
        add_bytes(key, text, strlen(text));
}

static void add_texts(uint64_t *key, const struct config_strings *texts)
{
    add_number(key, texts->count);
    for (size_t i = 0; i < texts->count; i++)
        add_text(key, texts->items[i]);
}

uint64_t command_key(const struct config_exec *exec)
{
    uint64_t key = UINT64_C(14695981039346656037);
    add_texts(&key, &exec->command);
    add_texts(&key, &exec->environment);
    add_text(&key, exec->user);
    add_text(&key, exec->group);
    add_text(&key, exec->folder);
    add_number(&key, exec->pty);
    add_number(&key, (uint64_t)exec->kill_after_ms);
    add_number(&key, exec->stderr_to);
    add_number(&key, (uint64_t)exec->limits.cpu_ms);
    add_number(&key, exec->limits.memory_mib);
    add_number(&key, exec->limits.descriptors);
    add_number(&key, exec->limits.processes);
    add_number(&key, exec->limits.file_mib);
    return key;
}

/* ---- The list ------------------------------------------------------------------------------ */

struct making {
    const struct config *config;
    struct command_list *commands;
    struct config_report *report;
};

static bool report_memory(const struct making *making)
{
    config_report_add(making->report, CONFIG_ERROR, making->config, "out of memory");
    return false;
}

static struct command *find(const struct command_list *commands, uint64_t key)
{
    for (size_t i = 0; commands && i < commands->count; i++)
        if (commands->items[i].key == key)
            return &commands->items[i];
    return NULL;
}

const struct command *command_list_find(const struct command_list *commands, uint64_t key)
{
    return find(commands, key);
}

/* Without a user of its own, it gets the one that the daemon becomes. */
static bool find_account(const struct making *making, const struct config_exec *exec,
                         struct account *account, struct error_text *error)
{
    const struct config *config = making->config;
    return (exec->user ? account_find(account, exec->user, exec->group, error)
                       : account_find(account, config->user, config->group, error)) &&
           account_may_run(account, exec->command.items[0], exec->folder, error);
}

/* NULL after a report. */
static struct command *add(const struct making *making, size_t service, const char *place,
                           const struct config_exec *exec)
{
    struct command_list *commands = making->commands;
    struct error_text error = {.text = ""};
    struct command *items = reallocarray(commands->items, commands->count + 1, sizeof(*items));
    if (!items) {
        (void)report_memory(making);
        return NULL;
    }
    commands->items = items;
    struct command *command = &items[commands->count++];
    *command = (struct command){.key = command_key(exec), .exec = exec};
    command->arguments = calloc(exec->command.count + 1, sizeof(char *));
    if (!command->arguments) {
        (void)report_memory(making);
        return NULL;
    }
    for (size_t i = 0; i < exec->command.count; i++)
        command->arguments[i] = exec->command.items[i];
    if (find_account(making, exec, &command->account, &error))
        return command;
    config_report_add_at(making->report, CONFIG_ERROR, making->config, service, place, "%s",
                         error.text);
    return NULL;
}

/* PLACE: of the handler in the service. */
static bool add_handler(const struct making *making, size_t service, const char *place,
                        const struct config_handler *handler)
{
    char where[64];
    if (handler->kind != CONFIG_HANDLER_EXEC || handler->exec.command.count == 0)
        return true;
    struct command *command = find(making->commands, command_key(&handler->exec));
    (void)snprintf(where, sizeof(where), "%sexec/command", place);
    if (!command)
        command = add(making, service, where, &handler->exec);
    if (command)
        command->max += making->config->services[service].max_connections;
    return command;
}

/* One for both roles counts once: together they have no more connections. */
static bool is_for_both(const struct config_service *service)
{
    return service->as_server.kind == service->as_client.kind &&
           command_key(&service->as_server.exec) == command_key(&service->as_client.exec);
}

static bool add_service(const struct making *making, size_t number)
{
    const struct config *config = making->config;
    const struct config_service *service = &config->services[number];
    bool outside = config->origin && config_has_place(config, number, "exec");
    bool added = add_handler(making, number, outside ? "" : "as_server/", &service->as_server);
    if (!is_for_both(service))
        added = add_handler(making, number, "as_client/", &service->as_client) && added;
    for (size_t i = 0; i < service->route_count; i++) {
        char place[32];
        (void)snprintf(place, sizeof(place), "routes/%zu/", i);
        added = add_handler(making, number, place, &service->routes[i].handler) && added;
    }
    return added;
}

bool command_list_wanted(const struct config *config)
{
    return config_uses_handler(config, CONFIG_HANDLER_EXEC);
}

struct command_list *command_list_new(const struct config *config, struct config_report *report)
{
    struct making making = {.config = config, .report = report};
    making.commands = calloc(1, sizeof(*making.commands));
    bool made = making.commands || report_memory(&making);
    for (size_t i = 0; making.commands && i < config->service_count; i++)
        made = add_service(&making, i) && made;
    if (made)
        return making.commands;
    command_list_free(making.commands);
    return NULL;
}

static void free_command(struct command *command)
{
    account_free(&command->account);
    free(command->arguments);
}

void command_list_free(struct command_list *commands)
{
    if (!commands)
        return;
    for (size_t i = 0; i < commands->count; i++)
        free_command(&commands->items[i]);
    free(commands->items);
    config_free(commands->config);
    free(commands);
}
