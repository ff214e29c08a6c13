/* Which programs a configuration has. */
#include "server/daemon/spawner/command_list.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define CAT "\"command\": [\"/bin/cat\"]"

static struct config *parse(const char *exec, const char *other)
{
    char text[2048];
    struct config_report report;
    int length = snprintf(
        text, sizeof(text),
        "{\"services\": [{\"name\": \"a\", \"listen\": \"127.0.0.1:1\", \"role\": \"server\", "
        "\"max_connections\": 7, \"tls\": {\"certificate\": \"/dev/null\", \"key\": "
        "\"/dev/null\"}, \"exec\": {%s}}, "
        "{\"name\": \"b\", \"listen\": \"127.0.0.1:2\", \"role\": \"server\", "
        "\"max_connections\": 5, \"tls\": {\"certificate\": \"/dev/null\", \"key\": "
        "\"/dev/null\"}, %s}]}",
        exec, other);
    struct config *config = config_parse("c.json", text, (size_t)length, &report);
    cr_assert_not_null(config, "%s", report.errors.count ? report.errors.items[0] : "");
    config_report_free(&report);
    return config;
}

static struct command_list *make(const struct config *config)
{
    struct config_report report = {.message_count = 0};
    struct command_list *list = command_list_new(config, &report);
    cr_assert_not_null(list, "%s", report.errors.count ? report.errors.items[0] : "");
    config_report_free(&report);
    return list;
}

/* Whatever differs, it is another program: else a reload would leave what it was. */
Test(command_list, each_value_counts_for_the_key)
{
    static const char *const values[] = {
        CAT,
        "\"command\": [\"/bin/cat\", \"-u\"]",
        "\"command\": [\"/bin/cat\", \"-\", \"u\"]",
        "\"command\": [\"/bin/ls\"]",
        CAT ", \"pty\": true",
        CAT ", \"user\": \"root\"",
        CAT ", \"user\": \"root\", \"group\": \"root\"",
        CAT ", \"folder\": \"/tmp\"",
        CAT ", \"environment\": [\"A=b\"]",
        CAT ", \"kill_after\": \"1s\"",
        CAT ", \"stderr\": \"discard\"",
        CAT ", \"limits\": {\"cpu\": \"1s\"}",
        CAT ", \"limits\": {\"memory_mib\": 9}",
        CAT ", \"limits\": {\"descriptors\": 9}",
        CAT ", \"limits\": {\"processes\": 9}",
        CAT ", \"limits\": {\"file_mib\": 9}",
    };
    enum { COUNT = sizeof(values) / sizeof(values[0]) };
    uint64_t keys[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        struct config *config = parse(values[i], "\"echo\": true");
        keys[i] = command_key(&config->services[0].as_server.exec);
        config_free(config);
        for (size_t k = 0; k < i; k++)
            cr_assert_neq(keys[i], keys[k], "%s and %s", values[i], values[k]);
    }
}

Test(command_list, the_same_program_of_two_services_is_one)
{
    struct config *config = parse(CAT, "\"exec\": {" CAT "}");
    struct command_list *list = make(config);
    cr_assert_eq(list->count, 1);
    cr_assert_eq(list->items[0].max, 12);
    cr_assert_str_eq(list->items[0].arguments[0], "/bin/cat");
    cr_assert_null(list->items[0].arguments[1]);
    cr_assert_not_null(command_list_find(list, list->items[0].key));
    cr_assert_null(command_list_find(list, list->items[0].key + 1));
    cr_assert_null(command_list_find(NULL, 1));
    command_list_free(list);
    config_free(config);
}

Test(command_list, those_of_roles_and_routes)
{
    struct config *config =
        parse(CAT, "\"routes\": [{\"server_name\": [\"x.example\"], \"exec\": {\"command\": "
                   "[\"/bin/ls\"]}}], \"as_server\": {\"exec\": {\"command\": [\"/bin/sh\"]}}");
    struct command_list *list = make(config);
    cr_assert(command_list_wanted(config));
    cr_assert_eq(list->count, 3);
    command_list_free(list);
    command_list_free(NULL);
    config_free(config);
}
