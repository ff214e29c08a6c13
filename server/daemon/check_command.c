#include "server/daemon/check_command.h"

#include "config/text.h"
#include "server/daemon/describe.h"
#include "server/daemon/hosts.h"
#include "server/daemon/server.h"
#include "server/daemon/sources.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- JSON ----------------------------------------------------------------------------------- */

/* What is not known is null. */
static bool add_position(cJSON *object, const struct config_message *message)
{
    cJSON *line = message->line ? cJSON_CreateNumber(message->line) : cJSON_CreateNull();
    cJSON *column = message->line ? cJSON_CreateNumber(message->column) : cJSON_CreateNull();
    cJSON *key = message->key ? cJSON_CreateString(message->key) : cJSON_CreateNull();
    bool added = cJSON_AddItemToObject(object, "line", line) &&
                 cJSON_AddItemToObject(object, "column", column) &&
                 cJSON_AddItemToObject(object, "key", key);
    return line && column && key && added;
}

static bool add_message(cJSON *list, const struct config_message *message)
{
    bool error = message->severity == CONFIG_ERROR;
    cJSON *object = cJSON_CreateObject();
    bool made = cJSON_AddStringToObject(object, "severity", error ? "error" : "warning") &&
                cJSON_AddStringToObject(object, "file", message->file) &&
                add_position(object, message) &&
                cJSON_AddStringToObject(object, "message", message->text);
    return cJSON_AddItemToArray(list, object) && made;
}

/* The caller frees it. NULL: out of memory, which may be what the report says, too. */
static char *json_of(const struct config_report *report)
{
    cJSON *list = cJSON_CreateArray();
    bool made = list && (report->message_count > 0 || report->errors.count == 0);
    for (size_t i = 0; made && i < report->message_count; i++)
        made = add_message(list, &report->messages[i]);
    char *text = made ? cJSON_PrintUnformatted(list) : NULL;
    cJSON_Delete(list);
    return text;
}

static bool print_json(const struct config_report *report)
{
    char *text = json_of(report);
    bool printed = text && printf("%s\n", text) > 0 && fflush(stdout) == 0;
    if (!text)
        (void)fputs("actpass: out of memory\n", stderr);
    free(text);
    return printed;
}

/* ---- Text ----------------------------------------------------------------------------------- */

static void print_all(const struct config_strings *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        (void)fprintf(stderr, "%s\n", lines->items[i]);
}

static bool print_good(const char *file, const struct server *server)
{
    char *shown = text_show(file, TEXT_PATH_MAX);
    bool printed = shown && printf("%s: the configuration is good\n", shown) > 0;
    if (printed)
        describe_config(stdout, server_config(server));
    printed = printed && fflush(stdout) == 0 && ferror(stdout) == 0;
    free(shown);
    return printed;
}

static bool print_text(const char *file, const struct server *server,
                       const struct config_report *report)
{
    print_all(&report->warnings);
    print_all(&report->errors);
    return !server || print_good(file, server);
}

enum check_result check_command(const char *file, enum check_form form)
{
    struct config_report report;
    struct server *server = server_load(file, &report);
    if (server)
        sources_check(server_config(server), CONFIG_WARNING, &report);
    if (server)
        hosts_check(server_config(server), &report);
    bool printed = form == CHECK_JSON ? print_json(&report) : print_text(file, server, &report);
    enum check_result result = server ? CHECK_GOOD : CHECK_BAD;
    server_free(server);
    config_report_free(&report);
    return printed ? result : CHECK_NOT_PRINTED;
}
