/* Where sessions are kept. */
#include "tests/unit/test_config.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

/* What those keys of "tls" give, to be freed, with the warnings. */
static struct config *parse_tls(const char *keys, struct config_report *report)
{
    char text[512];
    (void)snprintf(text, sizeof(text),
                   "{'services': [{'name': 'a', 'listen': '[::1]:1', 'role': 'server', 'echo': {},"
                   "'tls': {'certificate': 'peer.pem'\n%s}}]}",
                   keys);
    quote(text, strlen(text));
    struct config *config = config_parse("folder/../c.json", text, strlen(text), report);
    cr_assert_not_null(config, "%s: %s", keys, report->errors.items[0]);
    return config;
}

static void check_text(const char *found, const char *expected, const char *row)
{
    cr_assert_str_eq(found ? found : "(none)", expected ? expected : "(none)", "%s", row);
}

Test(config_sessions, kinds, .init = folder_enter, .fini = folder_leave)
{
    static const struct {
        const char *keys;
        enum config_sessions_kind kind;
        const char *text, *path, *host, *key_file;
        unsigned port, db;
    } rows[] = {
        {"", CONFIG_SESSIONS_MEMORY, NULL, NULL, NULL, NULL, 0, 0},
        {",'sessions': 'off'", CONFIG_SESSIONS_OFF, "off", NULL, NULL, NULL, 0, 0},
        {",'sessions': 'memory'", CONFIG_SESSIONS_MEMORY, "memory", NULL, NULL, NULL, 0, 0},
        {",'sessions': 'tickets'", CONFIG_SESSIONS_TICKETS, "tickets", NULL, NULL, NULL, 0, 0},
        {",'sessions': 'tickets', 'session_key_file': 'peer.pem'", CONFIG_SESSIONS_TICKETS,
         "tickets", NULL, NULL, "folder/../peer.pem", 0, 0},
        {",'sessions': 'file:run/s', 'session_key_file': 'peer.pem'", CONFIG_SESSIONS_FILE,
         "file:run/s", "folder/../run/s", NULL, "folder/../peer.pem", 0, 0},
        {",'sessions': 'file:/run/s', 'session_key_file': 'peer.pem'", CONFIG_SESSIONS_FILE,
         "file:/run/s", "/run/s", NULL, "folder/../peer.pem", 0, 0},
        {",'sessions': 'redis://[::1]:7000/65535', 'session_key_file': 'peer.pem'",
         CONFIG_SESSIONS_REDIS, "redis://[::1]:7000/65535", NULL, "::1", "folder/../peer.pem", 7000,
         65535},
        {",'sessions': 'redis://a.example', 'session_key_file': 'peer.pem'", CONFIG_SESSIONS_REDIS,
         "redis://a.example", NULL, "a.example", "folder/../peer.pem", 6379, 0},
        {",'sessions': 'redis://[::1]/3', 'session_key_file': 'peer.pem'", CONFIG_SESSIONS_REDIS,
         "redis://[::1]/3", NULL, "::1", "folder/../peer.pem", 6379, 3},
        {",'sessions': 'redis:unix:s', 'session_key_file': 'peer.pem'", CONFIG_SESSIONS_REDIS,
         "redis:unix:s", "folder/../s", NULL, "folder/../peer.pem", 0, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config_report report;
        struct config *config = parse_tls(rows[i].keys, &report);
        const struct config_tls *tls = &config->services[0].connection.tls;
        cr_assert_eq(report.warnings.count, 0, "%s", rows[i].keys);
        cr_assert_eq(tls->sessions.kind, rows[i].kind, "%s", rows[i].keys);
        check_text(tls->sessions.text, rows[i].text, rows[i].keys);
        check_text(tls->sessions.path, rows[i].path, rows[i].keys);
        check_text(tls->sessions.host, rows[i].host, rows[i].keys);
        check_text(tls->session_key_file, rows[i].key_file, rows[i].keys);
        cr_assert_eq(tls->sessions.port, rows[i].port, "%s", rows[i].keys);
        cr_assert_eq(tls->sessions.db, rows[i].db, "%s", rows[i].keys);
        config_free(config);
        config_report_free(&report);
    }
}

Test(config_sessions, timeout, .init = folder_enter, .fini = folder_leave)
{
    static const struct {
        const char *keys;
        int64_t ms;
    } rows[] = {
        {"", 300000}, {",'session_timeout': '1s'", 1000}, {",'session_timeout': '24h'", 86400000}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config_report report;
        struct config *config = parse_tls(rows[i].keys, &report);
        cr_assert_eq(config->services[0].connection.tls.session_timeout_ms, rows[i].ms);
        config_free(config);
        config_report_free(&report);
    }
}

Test(config_sessions, warnings, .init = folder_enter, .fini = folder_leave)
{
    static const struct {
        const char *keys, *warnings;
    } rows[] = {
        {",'session_key_file': 'peer.pem'",
         "folder/../c.json:2:22: warning: /services/0/tls/session_key_file: has no effect: with "
         "\"sessions\": \"memory\" nothing is sealed\n"},
        {",'sessions': 'off', 'session_key_file': 'peer.pem'",
         "folder/../c.json:2:41: warning: /services/0/tls/session_key_file: has no effect: with "
         "\"sessions\": \"off\" nothing is sealed\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config_report report;
        struct config *config = parse_tls(rows[i].keys, &report);
        char *warnings = join(&report.warnings);
        cr_assert_str_eq(warnings, rows[i].warnings, "%s", warnings);
        free(warnings);
        config_free(config);
        config_report_free(&report);
    }
}

Test(config_sessions, a_socket_path_that_the_folder_makes_too_long)
{
    struct config_report report;
    char file[200];
    char text[] = "{'services': [{'tls': {'sessions': 'redis:unix:s'}}]}";
    memset(file, 'd', sizeof(file));
    memcpy(file + 110, "/c.json", sizeof("/c.json"));
    quote(text, strlen(text));
    cr_assert_null(config_parse(file, text, strlen(text), &report));
    char *errors = join(&report.errors);
    cr_assert(strstr(errors, "/sessions: the path of a unix: address must be at most 107 bytes, "
                             "the configuration's folder included\n"),
              "%s", errors);
    free(errors);
    config_report_free(&report);
}

Test(config_sessions, parsed_alone)
{
    struct config_sessions sessions;
    cr_assert_null(config_sessions_parse("redis://h:1/2", &sessions));
    cr_assert_str_eq(sessions.host, "h");
    config_sessions_free(&sessions);
    cr_assert(!sessions.text && !sessions.host && !sessions.path);
    cr_assert_not_null(config_sessions_parse("redis://h:1/x", &sessions));
    cr_assert(!sessions.text && !sessions.host && !sessions.path, "empty after a failure");
    cr_assert_not_null(config_sessions_parse("file:a\x1b", &sessions));
    cr_assert_not_null(config_sessions_parse("", &sessions));
}
