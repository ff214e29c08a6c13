/* Identities and CAs from memory, callbacks, check and load_text: the setters of actpass_identity.h
 * and real handshakes with them. */
#include "tests/support/meeting.h"
#include "tests/support/resources.h"
#include "tests/unit/test_settings.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(settings_identity, .timeout = 30);

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

/* ---- Texts ---------------------------------------------------------------------------------- */

enum { TEXT_SIZE = 16384 };

static char *text_of(const char *path)
{
    char *text = calloc(1, TEXT_SIZE);
    FILE *file = fopen(path, "re");
    cr_assert(text && file, "%s", path);
    cr_assert_lt(fread(text, 1, TEXT_SIZE - 1, file), TEXT_SIZE - 1);
    cr_assert_eq(fclose(file), 0);
    return text;
}

/* Everything as text: our end's certificate and key, and the CA. */
struct texts {
    char *certificate, *key, *ca;
};

static struct texts texts_of(const struct test_pair *pair, size_t end)
{
    return (struct texts){text_of(pair->ends[end].certificate), text_of(pair->ends[end].key),
                          text_of(pair->ca)};
}

static void texts_free(struct texts *texts)
{
    free(texts->certificate);
    free(texts->key);
    free(texts->ca);
}

static void wipe(char *text)
{
    memset(text, 'x', strlen(text));
}

/* All but the identity. */
static actpass_config *peer_of(const struct test_pair *pair, size_t end)
{
    actpass_config *config = actpass_config_new();
    int failed =
        actpass_config_set_role(config, end == 0 ? ACTPASS_ROLE_SERVER : ACTPASS_ROLE_CLIENT) |
        actpass_config_set_ca(config, pair->ca) |
        actpass_config_set_client_auth(config, ACTPASS_CLIENT_AUTH_REQUIRE) |
        actpass_config_add_peer_name(config, pair->ends[!end].name);
    cr_assert_eq(failed, 0, "%s", actpass_config_error(config));
    return config;
}

static actpass_config *with_files(const struct test_pair *pair, size_t end)
{
    actpass_config *config = peer_of(pair, end);
    cr_assert_eq(
        actpass_config_set_identity(config, pair->ends[end].certificate, pair->ends[end].key), 0);
    return config;
}

static actpass_config *with_texts(const struct test_pair *pair, size_t end)
{
    actpass_config *config = peer_of(pair, end);
    struct texts texts = texts_of(pair, end);
    cr_assert_eq(actpass_config_set_identity_pem(config, texts.certificate, texts.key), 0, "%s",
                 actpass_config_error(config));
    cr_assert_eq(actpass_config_set_ca_pem(config, texts.ca), 0, "%s",
                 actpass_config_error(config));
    wipe(texts.certificate);
    wipe(texts.key);
    wipe(texts.ca);
    texts_free(&texts);
    return config;
}

static void assert_meet(actpass_config *server, actpass_config *client)
{
    struct meeting meeting = {.server.config = server, .client.config = client};
    meeting_run(&meeting);
    cr_assert(meeting.server.up, "server: %s", actpass_error(meeting.server.conn));
    cr_assert(meeting.client.up, "client: %s", actpass_error(meeting.client.conn));
    cr_assert(meeting.server.info.peer_subject[0] && meeting.client.info.peer_subject[0]);
    meeting_end(&meeting);
}

/* ---- From memory ---------------------------------------------------------------------------- */

Test(settings_identity, both_sides_from_memory)
{
    struct test_pair *pair = test_pair_new();
    actpass_config *server = with_texts(pair, 0), *client = with_texts(pair, 1);
    assert_meet(server, client);
    actpass_config_free(client);
    actpass_config_free(server);
    test_pair_free(pair);
}

/* The last one given counts, wherever it came from. */
Test(settings_identity, files_and_texts_replace_each_other)
{
    struct test_pair *pair = test_pair_new();
    struct texts texts = texts_of(pair, 1);
    actpass_config *server = with_texts(pair, 0), *client = with_files(pair, 1);
    cr_assert_eq(actpass_config_set_identity_pem(server, texts.certificate, texts.key), 0);
    cr_assert_eq(actpass_config_set_identity(server, pair->ends[0].certificate, pair->ends[0].key),
                 0);
    cr_assert_eq(actpass_config_set_ca(server, "system"), 0);
    cr_assert_eq(actpass_config_set_ca_pem(server, texts.ca), 0);
    cr_assert_not(server->connection.tls.ca_system);
    cr_assert_eq(actpass_config_set_identity(client, "/no/such.pem", "/no/such.key"), 0);
    cr_assert_eq(actpass_config_set_identity_pem(client, texts.certificate, texts.key), 0);
    cr_assert_eq(actpass_config_set_ca_pem(client, texts.certificate), 0);
    cr_assert_eq(actpass_config_set_ca(client, pair->ca), 0);
    assert_meet(server, client);
    actpass_config_free(client);
    actpass_config_free(server);
    texts_free(&texts);
    test_pair_free(pair);
}

Test(settings_identity, several_by_server_name)
{
    struct test_pair *pair = test_pair_new();
    struct texts texts = texts_of(pair, 0);
    actpass_config *server = peer_of(pair, 0), *client = with_files(pair, 1);
    struct test_identity *other = test_ca_new("other");
    char *certificate = text_of(test_write_certificate(pair->folder, "o.pem", other));
    char *key = text_of(test_write_key(pair->folder, "o.key", other, NULL));
    const struct config_tls *tls = &server->connection.tls;
    /* The identity would be refused; the one for the name is not. */
    int failed =
        actpass_config_set_identity_pem(server, certificate, key) |
        actpass_config_add_certificate_pem(server, "else.example", certificate, key) |
        actpass_config_add_certificate_pem(server, "left.example", texts.certificate, texts.key) |
        actpass_config_add_certificate_pem(server, "*.left.example", texts.certificate, texts.key);
    cr_assert_eq(failed, 0, "%s", actpass_config_error(server));
    cr_assert_eq(tls->certificate_count, 2);
    cr_assert_eq(tls->certificates[1].server_names.count, 2);
    assert_meet(server, client);
    actpass_config_free(client);
    actpass_config_free(server);
    free(certificate);
    free(key);
    test_identity_free(other);
    texts_free(&texts);
    test_pair_free(pair);
}

/* Both setters refuse the pair, and say why. */
static void check_refused(actpass_config *config, const char *certificate, const char *key,
                          const char *says)
{
    cr_assert_eq(actpass_config_set_identity_pem(config, certificate, key), -1, "%s", says);
    assert_says(config, says);
    cr_assert_eq(actpass_config_add_certificate_pem(config, "a.example", certificate, key), -1,
                 "%s", says);
    assert_says(config, says);
}

static void check_bad_texts(actpass_config *config, const struct texts *texts)
{
    static const char cut[] = "-----BEGIN CERTIFICATE-----\nMIIBxzCCAW6gAwIBAgII\n";
    static char huge[1048578];
    memset(huge, 'x', sizeof(huge) - 1);
    const struct {
        const char *certificate, *key, *says;
    } rows[] = {
        {"", texts->key, "certificate in memory holds no certificate"},
        {"/etc/passwd", texts->key, "certificate in memory holds no certificate"},
        {texts->key, texts->key, "certificate in memory holds no certificate"},
        {cut, texts->key, "certificate in memory holds a certificate that cannot be read"},
        {huge, texts->key, "certificate in memory is longer than 1 MiB"},
        {texts->certificate, "", "key in memory holds no private key"},
        {texts->certificate, texts->certificate, "key in memory holds no private key"},
        {texts->certificate, huge, "key in memory is longer than 1 MiB"},
        {NULL, texts->key, "PEM texts"},
        {texts->certificate, NULL, "PEM texts"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        check_refused(config, rows[i].certificate, rows[i].key, rows[i].says);
}

Test(settings_identity, texts_that_cannot_be_used)
{
    struct test_pair *pair = test_pair_new();
    struct texts texts = texts_of(pair, 0);
    actpass_config *config = with_texts(pair, 0);
    check_bad_texts(config, &texts);
    cr_assert_eq(
        actpass_config_add_certificate_pem(config, "no name", texts.certificate, texts.key), -1);
    cr_assert_eq(actpass_config_set_ca_pem(config, NULL), -1);
    cr_assert_eq(actpass_config_set_ca_pem(config, texts.key), -1);
    assert_says(config, "ca in memory holds no certificate");
    cr_assert_eq(config->connection.tls.certificate_count, 0);
    cr_assert_eq(actpass_config_check(config), 0, "nothing has changed: %s",
                 actpass_config_error(config));
    actpass_config_free(config);
    texts_free(&texts);
    test_pair_free(pair);
}

Test(settings_identity, a_key_that_does_not_match_is_named)
{
    struct test_pair *pair = test_pair_new();
    struct texts own = texts_of(pair, 0), other = texts_of(pair, 1);
    actpass_config *config = peer_of(pair, 0);
    cr_assert_eq(actpass_config_set_identity_pem(config, own.certificate, other.key), 0);
    cr_assert_eq(actpass_config_check(config), -1);
    assert_says(config, "key in memory does not match certificate in memory");
    actpass_config_free(config);
    texts_free(&own);
    texts_free(&other);
    test_pair_free(pair);
}

/* ---- Passphrases ---------------------------------------------------------------------------- */

struct keeper {
    const char *passphrase; /* NULL: none */
    int calls;
    char asked_for[256];
};

static int give(const char *key, char *buffer, size_t size, void *arg)
{
    struct keeper *keeper = arg;
    keeper->calls++;
    (void)snprintf(keeper->asked_for, sizeof(keeper->asked_for), "%s", key);
    if (!keeper->passphrase)
        return -1;
    cr_assert_lt(strlen(keeper->passphrase), size);
    memcpy(buffer, keeper->passphrase, strlen(keeper->passphrase));
    return (int)strlen(keeper->passphrase);
}

static int lie(const char *key, char *buffer, size_t size, void *arg)
{
    (void)key;
    (void)buffer;
    (void)arg;
    return (int)size + 1;
}

/* A server with an encrypted key, the file or its text. */
struct locked {
    struct test_pair *pair;
    struct test_identity *own;
    const char *certificate, *key;
    char *certificate_text, *key_text;
};

static struct locked locked_new(void)
{
    struct locked locked = {.pair = test_pair_new(), .own = test_ca_new("own")};
    locked.certificate = test_write_certificate(locked.pair->folder, "l.pem", locked.own);
    locked.key = test_write_key(locked.pair->folder, "l.key", locked.own, "secret");
    locked.certificate_text = text_of(locked.certificate);
    locked.key_text = text_of(locked.key);
    return locked;
}

static void locked_free(struct locked *locked)
{
    free(locked->certificate_text);
    free(locked->key_text);
    test_identity_free(locked->own);
    test_pair_free(locked->pair);
}

static actpass_config *locked_config(const struct locked *locked, bool in_memory)
{
    actpass_config *config = peer_of(locked->pair, 0);
    int failed = in_memory ? actpass_config_set_identity_pem(config, locked->certificate_text,
                                                             locked->key_text)
                           : actpass_config_set_identity(config, locked->certificate, locked->key);
    cr_assert_eq(failed, 0, "%s", actpass_config_error(config));
    return config;
}

static void check_passphrases(const struct locked *locked, bool in_memory)
{
    static const struct {
        const char *passphrase, *says;
    } rows[] = {{"wrong", "the passphrase that the callback gave is wrong"},
                {"", "the passphrase that the callback gave is wrong"},
                {NULL, "and the callback gave none"},
                {"secret", ""}};
    actpass_config *config = locked_config(locked, in_memory);
    cr_assert_eq(actpass_config_check(config), -1);
    assert_says(config, "is protected by a passphrase");
    cr_assert_eq(actpass_config_set_passphrase(config, lie, NULL), 0);
    cr_assert_eq(actpass_config_check(config), -1);
    assert_says(config, "and the callback gave none");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct keeper keeper = {.passphrase = rows[i].passphrase};
        bool right = !*rows[i].says;
        cr_assert_eq(actpass_config_set_passphrase(config, give, &keeper), 0);
        cr_assert_eq(actpass_config_check(config), right ? 0 : -1, "row %zu: %s", i,
                     actpass_config_error(config));
        cr_assert_eq(keeper.calls, 1, "row %zu: %d calls", i, keeper.calls);
        cr_assert_str_eq(keeper.asked_for, in_memory ? "in memory" : locked->key);
        if (!right)
            assert_says(config, rows[i].says);
    }
    actpass_config_free(config);
}

Test(settings_identity, passphrases)
{
    struct locked locked = locked_new();
    check_passphrases(&locked, false);
    check_passphrases(&locked, true);
    locked_free(&locked);
}

Test(settings_identity, passphrases_of_added_certificates)
{
    struct locked locked = locked_new();
    struct keeper keeper = {.passphrase = "secret"};
    actpass_config *config = with_files(locked.pair, 0);
    cr_assert_eq(actpass_config_add_certificate_pem(config, "a.example", locked.certificate_text,
                                                    locked.key_text),
                 0);
    cr_assert_eq(actpass_config_check(config), -1);
    cr_assert_eq(actpass_config_set_passphrase(config, give, &keeper), 0);
    cr_assert_eq(actpass_config_check(config), 0, "%s", actpass_config_error(config));
    cr_assert_eq(keeper.calls, 1);
    actpass_config_free(config);
    locked_free(&locked);
}

/* ---- Verification --------------------------------------------------------------------------- */

struct judge {
    atomic_bool refuses;
    const char *text; /* NULL: none */
    atomic_int calls;
    atomic_size_t size; /* of the last certificate */
};

static int judge(const void *certificate, size_t size, char *why, size_t why_size, void *arg)
{
    struct judge *judge = arg;
    const unsigned char *at = certificate;
    X509 *read = d2i_X509(NULL, &at, (long)size);
    cr_assert_not_null(read);
    X509_free(read);
    cr_assert_str_eq(why, "");
    atomic_fetch_add(&judge->calls, 1);
    atomic_store(&judge->size, size);
    if (judge->text)
        (void)snprintf(why, why_size, "%s", judge->text);
    return !judge->refuses;
}

/* END refuses the other. */
static void check_refusal(const struct test_pair *pair, size_t end, const char *text)
{
    struct judge ours = {.refuses = true, .text = text};
    actpass_config *configs[2] = {with_files(pair, 0), with_files(pair, 1)};
    struct meeting meeting = {.server.config = configs[0], .client.config = configs[1]};
    struct meeting_side *side = end == 0 ? &meeting.server : &meeting.client;
    const struct meeting_side *other = end == 0 ? &meeting.client : &meeting.server;
    cr_assert_eq(actpass_config_set_verify(configs[end], judge, &ours), 0);
    meeting_run(&meeting);
    cr_assert_not(side->up);
    cr_assert_eq(actpass_ended(side->conn), ACTPASS_REFUSED, "%s", actpass_error(side->conn));
    cr_assert(strstr(actpass_error(side->conn), text ? text : "the verify callback refuses it"),
              "%s", actpass_error(side->conn));
    cr_assert_not(other->up);
    cr_assert_eq(actpass_ended(other->conn), ACTPASS_REFUSED, "by an alert: %s",
                 actpass_error(other->conn));
    cr_assert_eq(ours.calls, 1);
    meeting_end(&meeting);
    actpass_config_free(configs[0]);
    actpass_config_free(configs[1]);
}

static void check_refusals(void)
{
    struct test_pair *pair = test_pair_new();
    for (size_t end = 0; end < 2; end++) {
        check_refusal(pair, end, "not on the list");
        check_refusal(pair, end, NULL);
    }
    test_pair_free(pair);
}

Test(settings_identity, a_callback_refuses_in_both_roles)
{
    check_refusals();
}

Test(settings_identity, a_callback_refuses_in_both_roles_of_tls_1_2)
{
    meeting_only_tls12();
    check_refusals();
}

/* It says yes, and the policy no: it is not even asked. */
Test(settings_identity, a_callback_accepts_nobody_whom_the_policy_refuses)
{
    struct test_pair *pair = test_pair_new();
    struct judge ours = {.text = NULL};
    actpass_config *server = with_files(pair, 0), *client = actpass_config_new();
    int failed = actpass_config_set_role(client, ACTPASS_ROLE_CLIENT) |
                 actpass_config_set_ca(client, pair->ca) |
                 actpass_config_add_peer_name(client, "else.example") |
                 actpass_config_set_verify(client, judge, &ours);
    cr_assert_eq(failed, 0);
    struct meeting meeting = {.server.config = server, .client.config = client};
    meeting_run(&meeting);
    cr_assert_not(meeting.client.up);
    cr_assert_eq(actpass_ended(meeting.client.conn), ACTPASS_REFUSED);
    cr_assert(strstr(actpass_error(meeting.client.conn), "peer_names"), "%s",
              actpass_error(meeting.client.conn));
    cr_assert_eq(ours.calls, 0);
    meeting_end(&meeting);
    actpass_config_free(client);
    actpass_config_free(server);
    test_pair_free(pair);
}

/* Whoever was accepted once, and whose session is known, is judged again. */
static void check_resumption(const struct test_pair *pair, size_t end)
{
    struct judge ours = {.text = "not any more"};
    actpass_config *configs[2] = {with_files(pair, 0), with_files(pair, 1)};
    const char *path = test_folder_path(pair->folder, "socket");
    cr_assert_eq(actpass_config_set_verify(configs[end], judge, &ours), 0);
    for (int i = 0; i < 3; i++) {
        struct meeting meeting = {
            .server.config = configs[0], .client.config = configs[1], .path = path};
        const struct meeting_side *side = end == 0 ? &meeting.server : &meeting.client;
        atomic_store(&ours.refuses, i == 2);
        atomic_store(&ours.calls, 0);
        meeting_run(&meeting);
        cr_assert_gt(ours.calls, 0, "time %d", i);
        cr_assert_eq(side->up, i < 2, "time %d: %s", i, actpass_error(side->conn));
        if (i < 2)
            cr_assert_eq(side->info.resumed, i == 1, "time %d", i);
        else
            cr_assert(strstr(actpass_error(side->conn), "not any more"), "%s",
                      actpass_error(side->conn));
        meeting_end(&meeting);
    }
    actpass_config_free(configs[0]);
    actpass_config_free(configs[1]);
}

static void check_resumptions(void)
{
    struct test_pair *pair = test_pair_new();
    for (size_t end = 0; end < 2; end++)
        check_resumption(pair, end);
    test_pair_free(pair);
}

Test(settings_identity, a_callback_refuses_on_resumption)
{
    check_resumptions();
}

Test(settings_identity, a_callback_refuses_on_resumption_of_tls_1_2)
{
    meeting_only_tls12();
    check_resumptions();
}

/* ---- The log -------------------------------------------------------------------------------- */

struct heard {
    atomic_int calls;
    char text[512];
};

static void hear(const char *message, void *arg)
{
    struct heard *heard = arg;
    (void)snprintf(heard->text, sizeof(heard->text), "%s", message);
    atomic_fetch_add(&heard->calls, 1);
}

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"

Test(settings_identity, failures_of_sessions_are_logged)
{
    struct heard heard = {.text = ""};
    struct test_pair *pair = test_pair_new();
    const char *keys = test_write_text(pair->folder, "keys", KEY);
    actpass_config *server = with_files(pair, 0), *client = with_files(pair, 1);
    cr_assert_eq(chmod(keys, 0600), 0);
    cr_assert_eq(actpass_config_set_sessions(server, "tickets", keys), 0);
    cr_assert_eq(actpass_config_set_log(server, hear, &heard), 0);
    cr_assert_eq(actpass_config_check(server), 0, "%s", actpass_config_error(server));
    int before = heard.calls; /* this OpenSSL may have faults */
    cr_assert_eq(unlink(keys), 0);
    /* The file is looked at once a second. */
    for (int i = 0; i < 100 && heard.calls == before; i++) {
        assert_meet(server, client);
        pause_ms(50);
    }
    cr_assert_eq(heard.calls - before, 1, "%s", heard.text);
    cr_assert(strstr(heard.text, keys), "%s", heard.text);
    actpass_config_free(client);
    actpass_config_free(server);
    test_pair_free(pair);
}

/* ---- JSON in memory, and the check ---------------------------------------------------------- */

static int load(actpass_config *config, const char *text, const char *service)
{
    return actpass_config_load_text(config, text, strlen(text), service);
}

Test(settings_identity, json_in_memory)
{
    static const char two[] =
        "{\"services\": [{\"name\": \"a\", \"listen\": \"127.0.0.1:1\", \"role\": \"client\", "
        "\"idle_timeout\": \"7s\", \"echo\": {}, \"tls\": {\"insecure_any_peer\": true}}, "
        "{\"name\": \"b\", \"listen\": \"127.0.0.1:2\", \"role\": \"client\", "
        "\"idle_timeout\": \"8s\", \"echo\": {}, \"tls\": {\"insecure_any_peer\": true}}]}";
    actpass_config *config = actpass_config_new();
    cr_assert_eq(load(config, two, NULL), 0, "%s", actpass_config_error(config));
    cr_assert_eq(config->connection.idle_timeout_ms, 7000);
    cr_assert_eq(load(config, two, "b"), 0);
    cr_assert_eq(config->connection.idle_timeout_ms, 8000);
    cr_assert_str_eq(config->service, "b");
    cr_assert_eq(load(config, two, "c"), -1);
    assert_says(config, "text: there is no service \"c\"");
    cr_assert_eq(actpass_config_load_text(config, two, 20, NULL), -1, "only LENGTH bytes count");
    assert_says(config, "text:1:");
    cr_assert_eq(actpass_config_load_text(config, NULL, 0, NULL), -1);
    cr_assert_eq(actpass_config_load(config, NULL, NULL), -1);
    assert_says(config, "must not be NULL");
    cr_assert_eq(config->connection.idle_timeout_ms, 8000, "a refused one changes nothing");
    cr_assert_eq(actpass_config_check(config), 0, "%s", actpass_config_error(config));
    cr_assert_eq(load(config, two, NULL), -1);
    assert_says(config, "in use");
    actpass_config_free(config);
}

Test(settings_identity, warnings_of_json_are_logged)
{
    struct heard heard = {.text = ""};
    struct test_pair *pair = test_pair_new();
    char text[1024];
    actpass_config *config = actpass_config_new();
    (void)snprintf(text, sizeof(text),
                   "{\"services\": [{\"name\": \"a\", \"listen\": \"127.0.0.1:1\", \"role\": "
                   "\"server\", \"echo\": "
                   "{}, \"tls\": {\"certificate\": \"%s\", \"key\": \"%s\", \"ca\": \"%s\"}}]}",
                   pair->ends[0].certificate, pair->ends[0].key, pair->ca);
    cr_assert_eq(actpass_config_set_log(config, hear, &heard), 0);
    cr_assert_eq(load(config, text, NULL), 0, "%s", actpass_config_error(config));
    cr_assert_eq(heard.calls, 1);
    cr_assert(strstr(heard.text, "has no effect"), "%s", heard.text);
    actpass_config_free(config);
    test_pair_free(pair);
}

Test(settings_identity, a_check_that_fails_can_be_mended_and_one_that_passes_is_use)
{
    struct test_pair *pair = test_pair_new();
    actpass_config *config = bare(pair);
    cr_assert_eq(actpass_config_set_ca(config, "/no/such.pem"), 0);
    cr_assert_eq(actpass_config_check(config), -1);
    assert_says(config, "/no/such.pem");
    cr_assert_eq(actpass_config_set_ca_pem(config, ""), -1);
    cr_assert_eq(actpass_config_set_ca(config, pair->ca), 0);
    cr_assert_eq(actpass_config_set_role(config, ACTPASS_ROLE_AUTO), 0);
    cr_assert_eq(actpass_config_add_peer_name(config, pair->ends[1].name), 0);
    cr_assert_eq(actpass_config_check(config), -1);
    assert_says(config, "the peer chooses its role");
    cr_assert_eq(actpass_config_set_client_auth(config, ACTPASS_CLIENT_AUTH_REQUIRE), 0);
    cr_assert_eq(actpass_config_check(config), 0, "%s", actpass_config_error(config));
    cr_assert_eq(actpass_config_check(config), 0, "again");
    const int results[] = {actpass_config_set_identity_pem(config, "a", "b"),
                           actpass_config_add_certificate_pem(config, "a.example", "a", "b"),
                           actpass_config_set_ca_pem(config, "a"),
                           actpass_config_set_passphrase(config, give, NULL),
                           actpass_config_set_verify(config, judge, NULL),
                           actpass_config_set_log(config, hear, NULL)};
    for (size_t i = 0; i < COUNT(results); i++)
        cr_assert_eq(results[i], -1, "setter %zu", i);
    assert_says(config, "in use");
    actpass_config_free(config);
    test_pair_free(pair);
}
