/* Walks the table of handlers: a new one fails here until every place that must know it does. */
#include "server/daemon/handlers/handler.h"

#include "server/daemon/capacity.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* A value of each handler's key, as the configuration may have it. A new handler adds its own. */
static const struct {
    const char *name, *value;
} values[] = {
    {"forward", "\"127.0.0.1:80\""},
    {"echo", "true"},
    {"refuse", "true"},
    {"proxy", "{\"allow\": [\"*\"], \"protocols\": [\"socks5\"]}"},
    {"exec", "{\"command\": [\"/bin/cat\", \"-u\"], \"environment\": [\"A=b\"]}"},
    {"offer", "{\"pool\": \"p\", \"per_name\": 2}"},
    {"reach",
     "{\"pool\": \"p\", \"by\": \"connect\", \"allow\": [{\"peer_names\": [\"a.example\"], "
     "\"names\": [\"*.b.example\"]}]}"},
    {"http", "{\"root\": \"/\", \"protected\": [{\"prefix\": \"/a/\", \"peer_pins\": [\"sha256:"
             "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"]}]}"},
};

static const char *value_of(const char *name)
{
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        if (strcmp(values[i].name, name) == 0)
            return values[i].value;
    cr_assert_fail("add a value for \"%s\" to this test", name);
    return NULL;
}

/* MEMBERS: of one service; "" or with a comma before them. */
static struct config *parse(const char *members, struct config_report *report)
{
    static const char tls[] = "\"certificate\": \"/dev/null\", \"key\": \"/dev/null\", "
                              "\"client_auth\": \"require\", \"ca\": \"/dev/null\", "
                              "\"peer_names\": [\"a.example\"]";
    char text[2048];
    int length = snprintf(text, sizeof(text),
                          "{\"services\": [{\"name\": \"s\", \"listen\": \"127.0.0.1:1\", "
                          "\"tls\": {%s}%s}, "
                          "{\"name\": \"t\", \"listen\": \"127.0.0.1:2\", \"tls\": {%s}, "
                          "\"offer\": \"p\"}]}",
                          tls, members, tls);
    cr_assert_lt((size_t)length, sizeof(text));
    return config_parse("actpass.json", text, (size_t)length, report);
}

static struct config *parse_with(const struct handler *handler)
{
    char members[1024];
    struct config_report report;
    (void)snprintf(members, sizeof(members), ", \"%s\": %s", handler->name,
                   value_of(handler->name));
    struct config *config = parse(members, &report);
    cr_assert_not_null(config, "\"%s\": %s", handler->name,
                       report.errors.count > 0 ? report.errors.items[0] : "");
    config_report_free(&report);
    return config;
}

Test(handler, every_entry_is_complete)
{
    cr_assert_null(handler_of(CONFIG_HANDLER_NONE));
    for (int kind = CONFIG_HANDLER_NONE + 1; kind < CONFIG_HANDLER_COUNT; kind++) {
        const struct handler *handler = handler_of((enum config_handler_kind)kind);
        cr_assert_not_null(handler, "kind %d has no handler", kind);
        cr_assert(handler->name && handler->name[0] != '\0', "kind %d has no name", kind);
        cr_assert(!!handler->step, "\"%s\" does nothing", handler->name);
        cr_assert_eq(!handler->load, !handler->unload,
                     "\"%s\": load without unload, or unload "
                     "without load",
                     handler->name);
        for (int other = 1; other < kind; other++)
            cr_assert_str_neq(handler_of((enum config_handler_kind)other)->name, handler->name);
    }
    cr_assert(!!bridge_handler.step);
}

/* The name of each is its key in the configuration; what is loaded is freed (seen with asan). */
Test(handler, every_entry_is_configured_by_its_name_and_can_be_loaded)
{
    for (int kind = CONFIG_HANDLER_NONE + 1; kind < CONFIG_HANDLER_COUNT; kind++) {
        const struct handler *handler = handler_of((enum config_handler_kind)kind);
        struct config *config = parse_with(handler);
        const struct config_service *service = &config->services[0];
        cr_assert_eq((int)service->as_server.kind, kind, "\"%s\"", handler->name);
        cr_assert_eq((int)service->as_client.kind, kind, "\"%s\"", handler->name);
        cr_assert_eq(handler_for(service, &service->as_server), handler);
        cr_assert_eq(capacity_descriptors(service), 1 + handler->descriptors);
        if (handler->load) {
            void *loaded = NULL;
            struct error_text error = {.text = ""};
            cr_assert(handler->load(&service->as_server, &loaded, &error), "\"%s\": %s",
                      handler->name, error.text);
            handler->unload(loaded);
            handler->unload(NULL);
        }
        config_free(config);
    }
}

/* Messages that list the handlers list all of them. */
Test(handler, every_entry_is_in_the_lists_of_messages)
{
    static const char *const without[] = {"",
                                          ", \"as_server\": {}, \"as_client\": {\"echo\": true}"};
    for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
        struct config_report report;
        cr_assert_null(parse(without[i], &report));
        cr_assert_geq(report.errors.count, 1);
        for (int kind = CONFIG_HANDLER_NONE + 1; kind < CONFIG_HANDLER_COUNT; kind++) {
            char quoted[64];
            (void)snprintf(quoted, sizeof(quoted), "\"%s\"",
                           handler_of((enum config_handler_kind)kind)->name);
            cr_assert(!!strstr(report.errors.items[0], quoted), "%s is not in: %s", quoted,
                      report.errors.items[0]);
        }
        config_report_free(&report);
    }
}

/* With "listen_plain" the local connection is the conversation, so no handler may stand beside. */
Test(handler, no_entry_stands_beside_the_bridge)
{
    for (int kind = CONFIG_HANDLER_NONE + 1; kind < CONFIG_HANDLER_COUNT; kind++) {
        const struct handler *handler = handler_of((enum config_handler_kind)kind);
        char text[2048];
        struct config_report report;
        int length = snprintf(text, sizeof(text),
                              "{\"services\": [{\"name\": \"s\", \"dial\": \"127.0.0.1:1\", "
                              "\"listen_plain\": \"127.0.0.1:2\", \"role\": \"client\", "
                              "\"tls\": {\"insecure_any_peer\": true}, \"%s\": %s}]}",
                              handler->name, value_of(handler->name));
        cr_assert_null(config_parse("actpass.json", text, (size_t)length, &report));
        cr_assert_eq(report.errors.count, 1, "\"%s\"", handler->name);
        cr_assert(
            !!strstr(report.errors.items[0], "must not be set together with \"listen_plain\""),
            "%s", report.errors.items[0]);
        config_report_free(&report);
    }
    const struct config_service bridged = {.dial = {.address_count = 1, .listen_plain.count = 1}};
    cr_assert_eq(handler_for(&bridged, &bridged.as_server), &bridge_handler);
}
