/* config_service_text and config_key_text: the same text exactly if the same is written. */
#include "tests/unit/test_config.h"

#define ONE                                                                              \
    "{'name': 'a', 'listen': '[::1]:1', 'echo': {}, 'tls': {'certificate': 'peer.pem', " \
    "'client_auth': 'none', 'insecure_any_peer': true}}"
#define OTHER(name)                                                                 \
    "{'name': '" name "', 'listen': '[::1]:2', 'echo': {}, 'tls': {'certificate': " \
    "'peer.pem', 'client_auth': 'none', 'insecure_any_peer': true}}"

static struct config *load(const char *services, const char *more)
{
    char text[2048];
    struct config_report report;
    int length = snprintf(text, sizeof(text), "{%s 'services': [%s]}", more, services);
    cr_assert_lt(length, (int)sizeof(text));
    quote(text, (size_t)length);
    make_file("c.json", 0600, text);
    struct config *config = config_load_all("c.json", &report);
    char *errors = join(&report.errors);
    cr_assert_str_eq(errors, "");
    free(errors);
    config_report_free(&report);
    return config;
}

static char *service_text(const char *services, size_t number)
{
    struct config *config = load(services, "");
    char *text = config_service_text(config, number);
    cr_assert_not_null(text);
    config_free(config);
    return text;
}

static bool is_same(const char *one, size_t number, const char *other, size_t other_number)
{
    char *texts[] = {service_text(one, number), service_text(other, other_number)};
    bool same = strcmp(texts[0], texts[1]) == 0;
    free(texts[0]);
    free(texts[1]);
    return same;
}

Test(config_written, a_service_is_the_same_wherever_it_stands, .init = folder_enter,
     .fini = folder_leave)
{
    cr_assert(is_same(ONE, 0, ONE, 0));
    cr_assert(is_same(ONE "," OTHER("b"), 0, OTHER("b") ",\n\n " ONE, 1));
    cr_assert_not(is_same(ONE "," OTHER("b"), 0, ONE "," OTHER("b"), 1));
    cr_assert_not(is_same(OTHER("b"), 0, OTHER("c"), 0));
}

Test(config_written, variables_count_as_what_they_stand_for, .init = folder_enter,
     .fini = folder_leave)
{
    setenv("NAME", "b", 1);
    char *before = service_text(OTHER("${env:NAME}"), 0);
    char *plain = service_text(OTHER("b"), 0);
    setenv("NAME", "c", 1);
    char *after = service_text(OTHER("${env:NAME}"), 0);
    cr_assert_str_eq(before, plain);
    cr_assert_str_neq(before, after);
    free(before);
    free(plain);
    free(after);
}

Test(config_written, a_service_that_is_not_there, .init = folder_enter, .fini = folder_leave)
{
    char *text = service_text(ONE, 1);
    cr_assert_str_eq(text, "");
    free(text);
}

Test(config_written, keys_outside_of_services, .init = folder_enter, .fini = folder_leave)
{
    struct config *config = load(ONE, "'shutdown_timeout': '5s',");
    char *there = config_key_text(config, "shutdown_timeout");
    char *missing = config_key_text(config, "log");
    cr_assert_not_null(strstr(there, "\"5s\""), "%s", there);
    cr_assert_str_eq(missing, "");
    free(there);
    free(missing);
    config_free(config);
}
