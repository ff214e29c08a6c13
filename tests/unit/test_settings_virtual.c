/* actpass_config_add_virtual: settings for a server name. */
#include "server/include/actpass.h"
#include "tests/support/certs.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

TestSuite(settings_virtual, .timeout = 60);

static struct test_pair *pair;

static actpass_config *server_config(void)
{
    actpass_config *config = actpass_config_new();
    const struct test_end *own = &pair->ends[0];
    cr_assert(actpass_config_set_role(config, ACTPASS_ROLE_SERVER) == 0 &&
              actpass_config_set_identity(config, own->certificate, own->key) == 0);
    return config;
}

/* What a client needs that asks for NAME. */
static actpass_config *client_config(const char *name, bool certificate)
{
    actpass_config *config = actpass_config_new();
    const struct test_end *own = &pair->ends[1];
    cr_assert(actpass_config_set_role(config, ACTPASS_ROLE_CLIENT) == 0 &&
              actpass_config_set_ca(config, pair->ca) == 0 &&
              actpass_config_add_peer_name(config, pair->ends[0].name) == 0 &&
              actpass_config_set_server_name(config, name) == 0);
    if (certificate)
        cr_assert_eq(actpass_config_set_identity(config, own->certificate, own->key), 0);
    return config;
}

static void expect_wrong(actpass_config *config, const char *name, actpass_config *other,
                         const char *why)
{
    cr_assert_eq(actpass_config_add_virtual(config, name, other), -1);
    cr_assert(!!strstr(actpass_config_error(config), why), "%s", actpass_config_error(config));
}

Test(settings_virtual, what_cannot_be)
{
    actpass_config *config = actpass_config_new();
    actpass_config *other = actpass_config_new();
    actpass_config *third = actpass_config_new();
    expect_wrong(config, NULL, other, "are that name and another configuration");
    expect_wrong(config, "a.example", NULL, "are that name and another configuration");
    expect_wrong(config, "192.0.2.1", other, "server_names: must be a DNS name");
    expect_wrong(config, "a.example", config, "have no settings for server names themselves");
    cr_assert_eq(actpass_config_add_virtual(config, "a.example", other), 0);
    cr_assert_eq(actpass_config_add_virtual(config, "*.b.example", other), 0);
    expect_wrong(config, "A.example", third, "there are settings for \"A.example\" already");
    expect_wrong(other, "c.example", third, "have no settings for server names themselves");
    expect_wrong(third, "c.example", config, "have no settings for server names themselves");
    actpass_config_free(third);
    actpass_config_free(other);
    actpass_config_free(config);
}

Test(settings_virtual, what_is_wrong_with_them_is_reported_with_the_name)
{
    pair = test_pair_new();
    actpass_config *config = server_config();
    actpass_config *other = actpass_config_new();
    cr_assert_eq(actpass_config_set_ca(other, "/nowhere.pem"), 0);
    cr_assert_eq(actpass_config_set_client_auth(other, ACTPASS_CLIENT_AUTH_REQUIRE), 0);
    cr_assert_eq(actpass_config_add_virtual(config, "b.example", other), 0);
    actpass_config_free(other);
    cr_assert_eq(actpass_config_check(config), -1);
    cr_assert(
        !!strstr(actpass_config_error(config), "for the server name b.example: ca /nowhere.pem"),
        "%s", actpass_config_error(config));
    actpass_config_free(config);
    test_pair_free(pair);
}

static void *shake_hands(void *arg)
{
    char byte;
    (void)actpass_handshake(arg);
    (void)actpass_read(arg, &byte, 1); /* a refusal comes only now in TLS 1.3 */
    (void)actpass_close(arg);
    return NULL;
}

/* A handshake with a client that asks for NAME. Is it accepted by both? */
static bool meet(actpass_config *config, const char *name, bool certificate)
{
    int ends[2];
    pthread_t thread;
    actpass_config *theirs = client_config(name, certificate);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    actpass_conn *server = actpass_accept_fd(config, ends[0]);
    actpass_conn *client = actpass_accept_fd(theirs, ends[1]);
    cr_assert(server && client, "%s%s", actpass_config_error(config), actpass_config_error(theirs));
    cr_assert_eq(pthread_create(&thread, NULL, shake_hands, client), 0);
    bool accepted = actpass_handshake(server) == 0;
    actpass_info_t info;
    actpass_info(server, &info);
    if (accepted) {
        cr_assert_str_eq(info.server_name, name);
        cr_assert_eq(info.peer_subject[0] != '\0', certificate && strcmp(name, "a.example") != 0);
        cr_assert_eq(actpass_recheck(server, config, NULL, 0), 1);
    } else {
        cr_assert_eq(info.end, ACTPASS_REFUSED, "%s", actpass_error(server));
    }
    (void)actpass_close(server);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    actpass_free(client);
    actpass_free(server);
    actpass_config_free(theirs);
    return accepted;
}

Test(settings_virtual, clients_are_judged_by_the_name_that_they_ask_for)
{
    pair = test_pair_new();
    actpass_config *config = server_config();
    actpass_config *other = actpass_config_new();
    cr_assert(actpass_config_set_ca(other, pair->ca) == 0 &&
              actpass_config_set_client_auth(other, ACTPASS_CLIENT_AUTH_REQUIRE) == 0 &&
              actpass_config_add_peer_name(other, pair->ends[1].name) == 0);
    cr_assert_eq(actpass_config_add_virtual(config, "b.example", other), 0);
    cr_assert_eq(actpass_config_add_virtual(config, "*.c.example", other), 0);
    actpass_config_free(other);
    for (int i = 0; i < 2; i++) {
        cr_assert(meet(config, "a.example", false));
        cr_assert(meet(config, "a.example", true));
        cr_assert_not(meet(config, "b.example", false));
        cr_assert(meet(config, "b.example", true));
        cr_assert_not(meet(config, "x.c.example", false));
        cr_assert(meet(config, "x.c.example", true));
    }
    actpass_config_free(config);
    test_pair_free(pair);
}
