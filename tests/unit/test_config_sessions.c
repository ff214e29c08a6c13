/* Where sessions are kept. */
#include "tests/unit/test_config.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static const struct bad_text bad_sessions[] = {
    {"sessions a boolean", TLS("'sessions': false"),
     "c.json:3:13: /services/0/tls/sessions: must be a string, not false\n"},
    {"sessions empty", TLS("'sessions': ''"),
     "c.json:3:13: /services/0/tls/sessions: must not be empty\n"},
    {"sessions unknown", TLS("'sessions': 'Memory'"),
     "c.json:3:13: /services/0/tls/sessions: must be \"off\", \"memory\", \"tickets\", "
     "\"file:/path\", \"redis://host:port/db\", \"rediss://host:port/db\" or "
     "\"redis:unix:/path\"\n"},
    {"sessions a longer word", TLS("'sessions': 'offline'"),
     "c.json:3:13: /services/0/tls/sessions: must be \"off\", \"memory\", \"tickets\", "
     "\"file:/path\", \"redis://host:port/db\", \"rediss://host:port/db\" or "
     "\"redis:unix:/path\"\n"},
    {"sessions a path alone", TLS("'sessions': '/var/lib/sessions'"),
     "c.json:3:13: /services/0/tls/sessions: must be \"off\", \"memory\", \"tickets\", "
     "\"file:/path\", \"redis://host:port/db\", \"rediss://host:port/db\" or "
     "\"redis:unix:/path\"\n"},
    {"sessions of another kind", TLS("'sessions': 'redisx://a:1/0'"),
     "c.json:3:13: /services/0/tls/sessions: must be \"off\", \"memory\", \"tickets\", "
     "\"file:/path\", \"redis://host:port/db\", \"rediss://host:port/db\" or "
     "\"redis:unix:/path\"\n"},
    {"sessions with a control character",
     TLS("'sessions': 'file:/a\\nb', 'session_key_file': 'peer.pem'"),
     "c.json:3:13: /services/0/tls/sessions: must not hold control characters\n"},
    {"file without path", TLS("'sessions': 'file:', 'session_key_file': 'peer.pem'"),
     "c.json:3:13: /services/0/tls/sessions: a path must follow file:\n"},
    {"file as a URL", TLS("'sessions': 'file:///var/lib/sessions', 'session_key_file': 'peer.pem'"),
     "c.json:3:13: /services/0/tls/sessions: the path follows file: without //, as in "
     "\"file:/var/lib/actpass/sessions\"\n"},
    {"file without keys", TLS("'sessions': 'file:s'"),
     "c.json:3:13: /services/0/tls/sessions: keeps secrets outside of this process, where they are "
     "sealed: add \"session_key_file\"\n"},
    {"redis without keys", TLS("'sessions': 'redis://127.0.0.1:6379/0'"),
     "c.json:3:13: /services/0/tls/sessions: keeps secrets outside of this process, where they are "
     "sealed: add \"session_key_file\"\n"},
    {"redis socket without keys", TLS("'sessions': 'redis:unix:/run/redis.sock'"),
     "c.json:3:13: /services/0/tls/sessions: keeps secrets outside of this process, where they are "
     "sealed: add \"session_key_file\"\n"},
    {"redis without host", TLS("'sessions': 'redis://', 'session_key_file': 'peer.pem'"),
     "c.json:3:13: /services/0/tls/sessions: the host is missing, as in "
     "\"redis://127.0.0.1:6379/0\"\n"},
    {"redis without host, with port",
     TLS("'sessions': 'redis://:6379/0', 'session_key_file': 'peer.pem'"),
     "c.json:3:13: /services/0/tls/sessions: the host is missing, as in "
     "\"redis://127.0.0.1:6379/0\"\n"},
    {"redis with one slash", TLS("'sessions': 'redis:/a:6379/0', 'session_key_file': 'peer.pem'"),
     "c.json:3:13: /services/0/tls/sessions: must be \"off\", \"memory\", \"tickets\", "
     "\"file:/path\", \"redis://host:port/db\", \"rediss://host:port/db\" or "
     "\"redis:unix:/path\"\n"},
    {"redis with a password",
     TLS("'sessions': 'redis://:secret@a:6379/0', 'session_key_file': 'peer.pem'"),
     "c.json:3:13: /services/0/tls/sessions: a password must not stand in the configuration, which "
     "others may read: put it into a file and name that in \"sessions_password_file\"\n"},
    {"redis with a user",
     TLS("'sessions': 'redis://user:secret@a:6379/0', 'session_key_file': 'peer.pem'"),
     "c.json:3:13: /services/0/tls/sessions: a password must not stand in the configuration, which "
     "others may read: put it into a file and name that in \"sessions_password_file\"\n"},
    {"redis with a user and no password",
     TLS("'sessions': 'redis://user@a:6379/0', 'session_key_file': 'peer.pem'"),
     "c.json:3:13: /services/0/tls/sessions: names a user of Redis: add "
     "\"sessions_password_file\"\n"},
    {"redis over TLS without a CA",
     TLS("'sessions': 'rediss://a:6379/0', 'session_key_file': 'peer.pem'"),
     "c.json:3:13: /services/0/tls/sessions: is over TLS, where the server's certificate is "
     "verified: add \"sessions_ca\"\n"},
    {"redis with a bad host",
     TLS("'sessions': 'redis://a b:6379/0', 'session_key_file': 'peer.pem'"),
     "c.json:3:13: /services/0/tls/sessions: the host must be a name, an IPv4 address, or an IPv6 "
     "address in brackets\n"},
    {"redis with a bare IPv6 address",
     TLS("'sessions': 'redis://::1/0', 'session_key_file': 'peer.pem'"),
     "c.json:3:13: /services/0/tls/sessions: an IPv6 address must stand in brackets, as in "
     "[::1]:443\n"},
    {"redis with a bad port", TLS("'sessions': 'redis://a:x/0', 'session_key_file': 'peer.pem'"),
     "c.json:3:13: /services/0/tls/sessions: the port must be a number from 0 to 65535\n"},
    {"redis with port 0", TLS("'sessions': 'redis://a:0/0', 'session_key_file': 'peer.pem'"),
     "c.json:3:13: /services/0/tls/sessions: the port must be a number from 1 to 65535\n"},
    {"redis with a socket as host",
     TLS("'sessions': 'redis://unix:/run/redis.sock', 'session_key_file': 'peer.pem'"),
     "c.json:3:13: /services/0/tls/sessions: a socket is written without //, as in "
     "\"redis:unix:/run/redis.sock\"\n"},
    {"redis with an empty database",
     TLS("'sessions': 'redis://a:1/', 'session_key_file': 'peer.pem'"),
     "c.json:3:13: /services/0/tls/sessions: the database, after the /, must be a number from 0 to "
     "65535\n"},
    {"redis with a database of letters",
     TLS("'sessions': 'redis://a:1/x', 'session_key_file': 'peer.pem'"),
     "c.json:3:13: /services/0/tls/sessions: the database, after the /, must be a number from 0 to "
     "65535\n"},
    {"redis with a negative database",
     TLS("'sessions': 'redis://a:1/-1', 'session_key_file': 'peer.pem'"),
     "c.json:3:13: /services/0/tls/sessions: the database, after the /, must be a number from 0 to "
     "65535\n"},
    {"redis with a database too large",
     TLS("'sessions': 'redis://a:1/65536', 'session_key_file': 'peer.pem'"),
     "c.json:3:13: /services/0/tls/sessions: the database, after the /, must be a number from 0 to "
     "65535\n"},
    {"redis with more than a database",
     TLS("'sessions': 'redis://a:1/0/1', 'session_key_file': 'peer.pem'"),
     "c.json:3:13: /services/0/tls/sessions: the database, after the /, must be a number from 0 to "
     "65535\n"},
    {"redis socket without path", TLS("'sessions': 'redis:unix:', 'session_key_file': 'peer.pem'"),
     "c.json:3:13: /services/0/tls/sessions: a path must follow redis:unix:\n"},
    {"redis socket with a long path",
     TLS("'sessions': "
         "'redis:unix:/"
         "ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp"
         "pppppppppppppppppp', 'session_key_file': 'peer.pem'"),
     "c.json:3:13: /services/0/tls/sessions: the path of a unix: address must be at most 107 "
     "bytes\n"},
    {"key file missing on disk", TLS("'sessions': 'tickets', 'session_key_file': 'none.keys'"),
     "c.json:3:44: /services/0/tls/session_key_file: none.keys cannot be read: No such file or "
     "directory\n"},
    {"key file open to all", TLS("'sessions': 'tickets', 'session_key_file': 'open.pem'"),
     "c.json:3:44: /services/0/tls/session_key_file: open.pem holds the keys of sessions, and "
     "everybody may read or write it: chmod 600 open.pem\n"},
    {"key file a folder", TLS("'sessions': 'tickets', 'session_key_file': 'folder'"),
     "c.json:3:44: /services/0/tls/session_key_file: folder is a directory; a file with keys is "
     "expected\n"},
    {"key file a number", TLS("'sessions': 'tickets', 'session_key_file': 1"),
     "c.json:3:44: /services/0/tls/session_key_file: must be a path in a string, not a number\n"},
    {"session_timeout too short", TLS("'session_timeout': '999ms'"),
     "c.json:3:20: /services/0/tls/session_timeout: must be from \"1s\" to \"24h\"\n"},
    {"session_timeout too long", TLS("'session_timeout': '25h'"),
     "c.json:3:20: /services/0/tls/session_timeout: must be from \"1s\" to \"24h\"\n"},
    {"session_timeout never", TLS("'session_timeout': 'never'"),
     "c.json:3:20: /services/0/tls/session_timeout: \"never\" is not allowed here; the longest is "
     "\"24h\"\n"},
    {"session_timeout a number", TLS("'session_timeout': 300"),
     "c.json:3:20: /services/0/tls/session_timeout: must be a duration such as \"5s\", not a "
     "number\n"}};

TEST_BAD_TEXTS(config_sessions, bad_sessions, bad_sessions)

/* ---- Good ones ---------------------------------------------------------------------------- */

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
         "folder/../c.json:2:22: /services/0/tls/session_key_file: has no effect: with "
         "\"sessions\": \"memory\" nothing is sealed\n"},
        {",'sessions': 'off', 'session_key_file': 'peer.pem'",
         "folder/../c.json:2:41: /services/0/tls/session_key_file: has no effect: with "
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
