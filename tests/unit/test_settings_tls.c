/* The setters of actpass_tls.h. */
#include "server/lib/sessions/store_open.h"
#include "tests/unit/test_settings.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(settings_tls, .timeout = 20);

Test(settings_tls, certificates_by_server_name)
{
    actpass_config *config = actpass_config_new();
    const struct config_tls *tls = &config->connection.tls;
    cr_assert_eq(actpass_config_add_certificate(config, "a.example", "a.pem", "a.key"), 0);
    cr_assert_eq(actpass_config_add_certificate(config, "b.example", "b.pem", "b.key"), 0);
    cr_assert_eq(actpass_config_add_certificate(config, "*.a.example", "a.pem", "a.key"), 0);
    cr_assert_eq(actpass_config_add_certificate(config, "c.example", "a.pem", "b.key"), 0);
    cr_assert_eq(actpass_config_add_certificate(config, "", "d.pem", "d.key"), -1);
    assert_says(config, "empty");
    cr_assert_eq(actpass_config_add_certificate(config, NULL, "d.pem", "d.key"), -1);
    cr_assert_eq(actpass_config_add_certificate(config, "d.example", "d.pem", NULL), -1);
    assert_says(config, "a certificate file and a key file");
    cr_assert_eq(tls->certificate_count, 3);
    cr_assert_eq(tls->certificates[0].server_names.count, 2);
    cr_assert_str_eq(tls->certificates[0].server_names.items[1], "*.a.example");
    cr_assert_str_eq(tls->certificates[1].certificate, "b.pem");
    cr_assert_str_eq(tls->certificates[2].key, "b.key");
    cr_assert_eq(actpass_config_set_unknown_name(config, ACTPASS_UNKNOWN_NAME_REFUSE), 0);
    cr_assert_eq(tls->unknown_server_name, CONFIG_UNKNOWN_NAME_REFUSE);
    cr_assert_eq(actpass_config_set_unknown_name(config, (actpass_unknown_name)7), -1);
    assert_says(config, "or is refused");
    cr_assert_eq(tls->unknown_server_name, CONFIG_UNKNOWN_NAME_REFUSE);
    actpass_config_free(config);
}

Test(settings_tls, revocation_and_any_peer)
{
    actpass_config *config = actpass_config_new();
    const struct config_tls *tls = &config->connection.tls;
    cr_assert_eq(actpass_config_set_crl(config, "a.crl"), 0);
    cr_assert_str_eq(tls->crl, "a.crl");
    cr_assert_eq(actpass_config_set_crl(config, NULL), 0);
    cr_assert_null(tls->crl);
    cr_assert_eq(actpass_config_set_ocsp_response(config, "a.der"), 0);
    cr_assert_str_eq(tls->ocsp_response, "a.der");
    cr_assert_not(tls->insecure_any_peer);
    cr_assert_eq(actpass_config_set_insecure_any_peer(config, 1), 0);
    cr_assert(tls->insecure_any_peer);
    cr_assert_eq(actpass_config_set_insecure_any_peer(config, 0), 0);
    cr_assert_not(tls->insecure_any_peer);
    actpass_config_free(config);
}

Test(settings_tls, sessions)
{
    static const struct {
        const char *where, *keys;
        const char *wrong; /* NULL: nothing */
    } rows[] = {{"off", NULL, NULL},
                {"memory", NULL, NULL},
                {"tickets", NULL, NULL},
                {"tickets", "a.keys", NULL},
                {"file:/run/s", "a.keys", NULL},
                {"redis://a.example:7000/2", "a.keys", NULL},
                {"redis:unix:/run/r", "a.keys", NULL},
                {NULL, NULL, "must not be NULL"},
                {"disk", NULL, "must be \"off\""},
                {"file:/run/s", NULL, "sessions: keeps secrets outside"},
                {"redis:unix:/run/r", NULL, "sessions: keeps secrets outside"},
                {"memory", "a.keys", "give no key file"},
                {"off", "a.keys", "give no key file"}};
    actpass_config *config = actpass_config_new();
    const struct config_tls *tls = &config->connection.tls;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int result = actpass_config_set_sessions(config, rows[i].where, rows[i].keys);
        cr_assert_eq(result, rows[i].wrong ? -1 : 0, "row %zu: %s", i,
                     actpass_config_error(config));
        if (rows[i].wrong) {
            assert_says(config, rows[i].wrong);
            cr_assert_str_eq(tls->sessions.text, "redis:unix:/run/r", "row %zu", i);
            continue;
        }
        cr_assert_str_eq(tls->sessions.text, rows[i].where);
        cr_assert_eq(!!tls->session_key_file, !!rows[i].keys, "row %zu", i);
    }
    cr_assert_str_eq(tls->session_key_file, "a.keys", "a refused value changes nothing");
    cr_assert_eq(tls->session_timeout_ms, 300000);
    cr_assert_eq(actpass_config_set_timeout(config, ACTPASS_SESSION_TIMEOUT, 1000), 0);
    cr_assert_eq(tls->session_timeout_ms, 1000);
    const int64_t wrong[] = {ACTPASS_NEVER, 0, 999, 86400001};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        cr_assert_eq(actpass_config_set_timeout(config, ACTPASS_SESSION_TIMEOUT, wrong[i]), -1);
    assert_says(config, "session_timeout: must be from \"1s\" to \"24h\"");
    cr_assert_eq(tls->session_timeout_ms, 1000);
    actpass_config_free(config);
}

/* ---- What is sent to Redis ---------------------------------------------------------- */

static void assert_access(const actpass_config *config, const char *password_file, const char *ca,
                          bool ca_system)
{
    const struct config_sessions *sessions = &config->connection.tls.sessions;
    cr_assert_eq(sessions->ca_system, ca_system);
    cr_assert_eq(!!sessions->password_file, !!password_file);
    if (password_file)
        cr_assert_str_eq(sessions->password_file, password_file);
    cr_assert_eq(!!sessions->ca, !!ca);
    if (ca)
        cr_assert_str_eq(sessions->ca, ca);
}

Test(settings_tls, sessions_access)
{
    actpass_config *config = actpass_config_new();
    assert_access(config, NULL, NULL, false);
    cr_assert_eq(actpass_config_set_sessions_access(config, "a.password", "ca.pem"), 0);
    assert_access(config, "a.password", "ca.pem", false);
    cr_assert_eq(actpass_config_set_sessions(config, "rediss://a.example", "a.keys"), 0);
    assert_access(config, "a.password", "ca.pem", false); /* the order does not matter */
    cr_assert_eq(actpass_config_set_sessions_access(config, "credential:a", "system"), 0);
    assert_access(config, "credential:a", NULL, true);
    cr_assert_eq(actpass_config_set_sessions(config, "memory", NULL), 0);
    assert_access(config, "credential:a", NULL, true);
    cr_assert_eq(actpass_config_set_sessions_access(config, NULL, "ca.pem"), 0);
    assert_access(config, NULL, "ca.pem", false);
    cr_assert_eq(actpass_config_set_sessions_access(config, NULL, NULL), 0);
    assert_access(config, NULL, NULL, false);
    cr_assert_eq(actpass_config_set_sessions_access(config, NULL, "system"), 0);
    cr_assert_eq(actpass_config_set_role(config, ACTPASS_ROLE_CLIENT), 0);
    cr_assert_eq(actpass_config_set_insecure_any_peer(config, 1), 0);
    cr_assert(settings_freeze(config), "%s", actpass_config_error(config));
    cr_assert_eq(actpass_config_set_sessions_access(config, "a.password", "ca.pem"), -1);
    assert_says(config, "in use and cannot be changed");
    assert_access(config, NULL, NULL, true);
    actpass_config_free(config);
}

#ifdef HAVE_HIREDIS

static int listen_on_loopback(uint16_t *port)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(name);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&name, size), 0);
    cr_assert_eq(listen(fd, 4), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&name, &size), 0);
    *port = ntohs(name.sin_port);
    return fd;
}

/* A configuration with sessions in a Redis that nobody asks for yet. */
static actpass_config *config_of(struct test_pair *pair, const char *where, const char *password,
                                 const char *ca)
{
    char keys[65];
    memset(keys, 'a', sizeof(keys) - 1);
    keys[sizeof(keys) - 1] = '\0';
    actpass_config *config = actpass_config_new();
    const char *key_file = test_write_text(pair->folder, "session.keys", keys);
    cr_assert_eq(chmod(key_file, 0600), 0);
    cr_assert_eq(actpass_config_set_role(config, ACTPASS_ROLE_SERVER), 0);
    cr_assert_eq(actpass_config_set_identity(config, pair->ends[0].certificate, pair->ends[0].key),
                 0);
    cr_assert_eq(actpass_config_set_sessions_access(config, password, ca), 0);
    bool leaves = strncmp(where, "redis", 5) == 0;
    cr_assert_eq(actpass_config_set_sessions(config, where, leaves ? key_file : NULL), 0);
    return config;
}

static const char *write_file(struct test_pair *pair, const char *name, const char *text,
                              mode_t mode)
{
    const char *path = test_write_text(pair->folder, name, text);
    cr_assert_eq(chmod(path, mode), 0);
    return path;
}

/* Part of the message (tests/golden/library.txt has the whole ones), in which PATH stands for %s.
 * NULL: it can be used. */
static void assert_outcome(struct test_pair *pair, const char *where, const char *password,
                           const char *ca, const char *format, const char *path)
{
    char wanted[1024] = "";
    actpass_config *config = config_of(pair, where, password, ca);
    bool good = settings_freeze(config);
    if (format)
        (void)snprintf(wanted, sizeof(wanted), format, path, path);
    cr_assert_eq(good, !format, "%s %s: %s", where, wanted, actpass_config_error(config));
    if (format)
        assert_says(config, wanted);
    actpass_config_free(config);
}

Test(settings_tls, a_password_file_for_redis)
{
    struct test_pair *pair = test_pair_new();
    const char *good = write_file(pair, "good", "secret\n", 0600);
    const char *open = write_file(pair, "open", "secret\n", 0644);
    const char *empty = write_file(pair, "empty", "\n", 0600);
    const char *plain = "redis://127.0.0.1:1", *user = "redis://u@127.0.0.1:1/2";
    cr_assert_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    assert_outcome(pair, plain, NULL, NULL, NULL, NULL);
    assert_outcome(pair, plain, good, NULL, NULL, NULL);
    assert_outcome(pair, user, good, NULL, NULL, NULL);
    assert_outcome(pair, "memory", "/no/password", "/no/ca", NULL, NULL);
    assert_outcome(pair, user, NULL, NULL, "sessions: names a user of Redis", "");
    assert_outcome(pair, plain, "/no/password", NULL, "%s cannot be read", "/no/password");
    assert_outcome(pair, plain, open, NULL, "chmod 600 %s", open);
    assert_outcome(pair, user, empty, NULL, "%s is empty", empty);
    assert_outcome(pair, plain, "/", NULL, "%s is not a regular file", "/");
    assert_outcome(pair, plain, "credential:redis", NULL, "%s: there are no systemd credentials",
                   "credential:redis");
    test_pair_free(pair);
}

Test(settings_tls, a_ca_for_redis)
{
    struct test_pair *pair = test_pair_new();
    const char *text = write_file(pair, "text", "no certificate\n", 0644);
    const char *where = "rediss://127.0.0.1:1", *wrong = "sessions_ca %s cannot be used";
    assert_outcome(pair, where, NULL, pair->ca, NULL, NULL);
    assert_outcome(pair, where, NULL, "system", NULL, NULL);
    assert_outcome(pair, "redis://127.0.0.1:1", NULL, "/no/ca", NULL, NULL);
    assert_outcome(pair, where, NULL, NULL, "sessions: is over TLS", "");
    assert_outcome(pair, where, NULL, "/no/ca.pem", wrong, "/no/ca.pem");
    assert_outcome(pair, where, NULL, text, wrong, text);
    test_pair_free(pair);
}

/* A Redis that never answers; what was sent to it is still there afterwards. WHERE has %u for its
 * port. */
static void take_what_redis_receives(struct test_pair *pair, const char *where, char *received,
                                     size_t size)
{
    char url[64], record[STORE_RECORD];
    size_t record_size;
    uint16_t port;
    struct error_text error;
    struct error_text problem;
    int listener = listen_on_loopback(&port);
    (void)snprintf(url, sizeof(url), where, port);
    const char *password = write_file(pair, "password", "secret\n", 0600);
    actpass_config *config = config_of(pair, url, password, NULL);
    struct store *store = store_open(&config->connection.tls.sessions, &error);
    cr_assert_not_null(store, "%s", error.text);
    cr_assert_eq(store_get(store, &(struct store_key){{1}}, record, &record_size, &problem),
                 STORE_FAILED);
    store_free(store);
    actpass_config_free(config);
    int fd = accept(listener, NULL, NULL);
    ssize_t length = recv(fd, received, size - 1, MSG_DONTWAIT);
    received[length > 0 ? length : 0] = '\0';
    close(fd);
    close(listener);
}

Test(settings_tls, the_password_is_what_redis_receives)
{
    struct test_pair *pair = test_pair_new();
    char received[256];
    take_what_redis_receives(pair, "redis://127.0.0.1:%u", received, sizeof(received));
    cr_assert_str_eq(received, "*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n");
    take_what_redis_receives(pair, "redis://user@127.0.0.1:%u", received, sizeof(received));
    cr_assert_str_eq(received, "*3\r\n$4\r\nAUTH\r\n$4\r\nuser\r\n$6\r\nsecret\r\n");
    test_pair_free(pair);
}
#endif

/* ---- All of them -------------------------------------------------------------------------- */

/* They arrive where the JSON keys do: a file that is not there is named at the first use. */
Test(settings_tls, what_is_set_is_used)
{
    struct test_pair *pair = test_pair_new();
    enum { CRL, OCSP, CERTIFICATE, KEYS, ANY, REFUSE, ALPN, ROWS };
    static const char *const texts[ROWS] = {"/no/a.crl",
                                            "/no/a.der",
                                            "/no/a.pem",
                                            "/no/keys",
                                            "ca: contradicts \"insecure_any_peer\"",
                                            "unknown_server_name: needs \"certificates\"",
                                            "require_alpn: needs \"alpn\""};
    for (int i = 0; i < ROWS; i++) {
        actpass_config *config = actpass_config_new();
        int failed =
            actpass_config_set_role(config, ACTPASS_ROLE_SERVER) |
            actpass_config_set_identity(config, pair->ends[0].certificate, pair->ends[0].key) |
            actpass_config_set_ca(config, pair->ca);
        if (i == CRL)
            failed |= actpass_config_set_crl(config, "/no/a.crl");
        if (i == OCSP)
            failed |= actpass_config_set_ocsp_response(config, "/no/a.der");
        if (i == CERTIFICATE)
            failed |= actpass_config_add_certificate(config, "a.example", "/no/a.pem", "/no/a.key");
        if (i == KEYS)
            failed |= actpass_config_set_sessions(config, "tickets", "/no/keys");
        if (i == ANY)
            failed |= actpass_config_set_insecure_any_peer(config, 1);
        if (i == REFUSE)
            failed |= actpass_config_set_unknown_name(config, ACTPASS_UNKNOWN_NAME_REFUSE);
        if (i == ALPN)
            failed |= actpass_config_set_require_alpn(config, 1);
        cr_assert_eq(failed, 0, "row %d", i);
        cr_assert_not(settings_freeze(config), "row %d", i);
        assert_says(config, texts[i]);
        actpass_config_free(config);
    }
    test_pair_free(pair);
}
