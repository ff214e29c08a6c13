/* Sessions that the user keeps: actpass_session_export, actpass_session_import and
 * actpass_config_add_session. */
#include "tests/support/certs.h"
#include "tests/support/conn_rig.h"
#include "tests/support/meeting.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct test_pair *pair;

static void set_up(void)
{
    pair = test_pair_new();
}

static void tear_down(void)
{
    test_pair_free(pair);
}

TestSuite(conn_session, .init = set_up, .fini = tear_down, .timeout = 60);

static actpass_config *config_of(size_t end)
{
    const struct test_end *own = &pair->ends[end], *other = &pair->ends[!end];
    actpass_config *config = actpass_config_new();
    int failed =
        actpass_config_set_role(config, end == 0 ? ACTPASS_ROLE_SERVER : ACTPASS_ROLE_CLIENT) |
        actpass_config_set_identity(config, own->certificate, own->key) |
        actpass_config_set_ca(config, pair->ca) |
        actpass_config_set_client_auth(config, ACTPASS_CLIENT_AUTH_REQUIRE) |
        actpass_config_add_peer_name(config, other->name);
    cr_assert_eq(failed, 0, "%s", actpass_config_error(config));
    return config;
}

/* A session as bytes. */
struct kept {
    uint8_t bytes[ACTPASS_SESSION_MAX];
    int64_t size;
};

static void assert_up(const struct meeting *meeting)
{
    cr_assert(meeting->client.up, "%s", actpass_error(meeting->client.conn));
    cr_assert(meeting->server.up, "%s", actpass_error(meeting->server.conn));
}

/* One meeting, with the client's session at its end. Returns the version of TLS. PATH as in struct
 * meeting. */
static const char *keep(actpass_config *server, actpass_config *client, const char *path,
                        struct kept *kept)
{
    struct meeting meeting = {.server.config = server, .client.config = client, .path = path};
    meeting_run(&meeting);
    assert_up(&meeting);
    kept->size = actpass_session_export(meeting.client.conn, kept->bytes, sizeof(kept->bytes));
    cr_assert_gt(kept->size, 0);
    cr_assert_eq(actpass_session_export(meeting.client.conn, kept->bytes, 3), -1, "no room");
    cr_assert_eq(actpass_session_export(meeting.server.conn, kept->bytes, sizeof(kept->bytes)), 0,
                 "a server has none to give");
    const char *protocol = meeting.client.info.protocol; /* a constant of OpenSSL's */
    meeting_end(&meeting);
    return protocol;
}

/* What actpass_session_import is given before the handshake, and what it returns. */
struct import {
    const struct kept *kept;
    int result;
    char why[256];
    actpass_config *config;
};

static void import(actpass_conn *conn, void *arg)
{
    struct import *import = arg;
    import->result = actpass_session_import(conn, import->kept->bytes, (size_t)import->kept->size);
    (void)snprintf(import->why, sizeof(import->why), "%s", actpass_config_error(import->config));
}

/* Is the session resumed that is given to a new connection of CLIENT? */
static bool resumes(actpass_config *server, actpass_config *client, struct import *given)
{
    struct meeting meeting = {.server.config = server,
                              .client = {.config = client, .prepare = import, .arg = given}};
    given->config = client;
    meeting_run(&meeting);
    assert_up(&meeting);
    bool resumed = meeting.client.info.resumed;
    cr_assert_eq(meeting.server.info.resumed, resumed);
    cr_assert(meeting.client.info.peer_subject[0], "the peer is known");
    meeting_end(&meeting);
    return resumed;
}

static void check_import(const char *protocol)
{
    struct kept kept;
    struct import given = {.kept = &kept};
    actpass_config *server = config_of(0), *clients[] = {config_of(1), config_of(1)};
    cr_assert_str_eq(keep(server, clients[0], NULL, &kept), protocol);
    cr_assert(resumes(server, clients[1], &given), "%s", given.why);
    cr_assert_eq(given.result, 0, "%s", given.why);
    for (size_t i = 0; i < 2; i++)
        actpass_config_free(clients[i]);
    actpass_config_free(server);
}

Test(conn_session, another_configuration_resumes_it)
{
    check_import("TLSv1.3");
}

Test(conn_session, another_configuration_resumes_one_of_tls_1_2)
{
    meeting_only_tls12();
    check_import("TLSv1.2");
}

static bool dial_resumes(actpass_config *server, actpass_config *client, const char *path)
{
    struct meeting meeting = {.server.config = server, .client.config = client, .path = path};
    meeting_run(&meeting);
    assert_up(&meeting);
    bool resumed = meeting.client.info.resumed;
    meeting_end(&meeting);
    return resumed;
}

static void check_dialed(void)
{
    struct kept kept;
    const char *path = test_folder_path(pair->folder, "socket");
    const char *elsewhere = test_folder_path(pair->folder, "elsewhere");
    actpass_config *server = config_of(0), *clients[] = {config_of(1), config_of(1)};
    (void)keep(server, clients[0], path, &kept);
    cr_assert_eq(actpass_config_add_session(clients[1], kept.bytes, (size_t)kept.size), 0, "%s",
                 actpass_config_error(clients[1]));
    cr_assert_eq(actpass_config_set_min_version(clients[1], 0x0304), -1, "it is in use");
    cr_assert_not(dial_resumes(server, clients[1], elsewhere), "another address");
    cr_assert(dial_resumes(server, clients[1], path));
    for (size_t i = 0; i < 2; i++)
        actpass_config_free(clients[i]);
    actpass_config_free(server);
}

Test(conn_session, a_dialed_connection_resumes_an_added_one)
{
    check_dialed();
}

Test(conn_session, a_dialed_connection_resumes_an_added_one_of_tls_1_2)
{
    meeting_only_tls12();
    check_dialed();
}

/* ---- What it is bound to -------------------------------------------------------------------- */

static int expect_more(actpass_config *config)
{
    return actpass_config_add_peer_name(config, "more.example");
}

static int expect_pin(actpass_config *config)
{
    return actpass_config_add_peer_pin(config, pair->ends[0].pin);
}

static int use_one_cipher(actpass_config *config)
{
    return actpass_config_set_ciphers(config, "ECDHE+AESGCM", NULL);
}

static int use_off(actpass_config *config)
{
    return actpass_config_set_sessions(config, "off", NULL);
}

static int refuse(const void *certificate, size_t size, char *why, size_t why_size, void *arg)
{
    (void)certificate;
    (void)size;
    (void)why;
    (void)why_size;
    return ++*(int *)arg > 1; /* the first call is for the session */
}

static int calls;

static int refuse_session(actpass_config *config)
{
    calls = 0;
    return actpass_config_set_verify(config, refuse, &calls);
}

Test(conn_session, other_settings_do_not_take_it)
{
    static const struct {
        int (*change)(actpass_config *config);
        const char *says;
    } rows[] = {{expect_more, "made under other settings"},
                {expect_pin, "made under other settings"},
                {use_one_cipher, "made under other settings"},
                {use_off, "sessions are off"},
                {refuse_session, "not accepted"}};
    struct kept kept;
    actpass_config *server = config_of(0), *first = config_of(1);
    (void)keep(server, first, NULL, &kept);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct import given = {.kept = &kept};
        actpass_config *client = config_of(1);
        cr_assert_eq(rows[i].change(client), 0, "row %zu", i);
        cr_assert_not(resumes(server, client, &given), "row %zu", i);
        cr_assert_eq(given.result, -1, "row %zu", i);
        cr_assert(strstr(given.why, rows[i].says), "row %zu: %s", i, given.why);
        actpass_config_free(client);
    }
    actpass_config_free(first);
    actpass_config_free(server);
}

Test(conn_session, it_is_offered_under_its_server_name_only)
{
    struct kept kept;
    struct import given = {.kept = &kept};
    actpass_config *server = config_of(0), *client = config_of(1), *other = config_of(1);
    cr_assert_eq(actpass_config_set_server_name(other, "else.example"), 0);
    (void)keep(server, client, NULL, &kept);
    cr_assert_not(resumes(server, other, &given));
    cr_assert_eq(given.result, 0, "the name is known only in the handshake");
    cr_assert(resumes(server, client, &given));
    actpass_config_free(other);
    actpass_config_free(client);
    actpass_config_free(server);
}

/* ---- Bad bytes, bad times ------------------------------------------------------------------- */

Test(conn_session, damaged_bytes_are_refused)
{
    struct kept kept;
    actpass_config *server = config_of(0), *client = config_of(1);
    (void)keep(server, client, NULL, &kept);
    size_t size = (size_t)kept.size;
    for (size_t length = 0; length < size; length++) {
        uint8_t *exact = malloc(length ? length : 1); /* so that a sanitizer sees a read beyond */
        memcpy(exact, kept.bytes, length);
        cr_assert_eq(actpass_config_add_session(client, exact, length), -1, "%zu", length);
        free(exact);
    }
    kept.bytes[size] = 0;
    cr_assert_eq(actpass_config_add_session(client, kept.bytes, size + 1), -1, "one too many");
    cr_assert_eq(actpass_config_add_session(client, kept.bytes, SIZE_MAX), -1);
    cr_assert_eq(actpass_config_add_session(client, NULL, 0), -1);
    cr_assert_eq(actpass_config_add_session(server, kept.bytes, size), -1);
    cr_assert(strstr(actpass_config_error(server), "the role is server"), "%s",
              actpass_config_error(server));
    for (size_t i = 0; i < 4 + 32; i++) {
        kept.bytes[i] ^= 1;
        cr_assert_eq(actpass_config_add_session(client, kept.bytes, size), -1, "byte %zu", i);
        kept.bytes[i] ^= 1;
    }
    cr_assert_eq(actpass_config_add_session(client, kept.bytes, size), 0);
    actpass_config_free(client);
    actpass_config_free(server);
}

static void export_early(actpass_conn *conn, void *arg)
{
    uint8_t bytes[ACTPASS_SESSION_MAX];
    (void)arg;
    cr_assert_eq(actpass_session_export(conn, bytes, sizeof(bytes)), 0);
}

Test(conn_session, before_and_after_the_handshake)
{
    struct kept kept;
    actpass_config *server = config_of(0), *client = config_of(1);
    struct meeting meeting = {.server.config = server,
                              .client = {.config = client, .prepare = export_early}};
    (void)keep(server, client, NULL, &kept);
    meeting_run(&meeting);
    assert_up(&meeting);
    cr_assert_eq(actpass_session_import(meeting.client.conn, kept.bytes, (size_t)kept.size), -1);
    cr_assert(strstr(actpass_config_error(client), "after the handshake had begun"), "%s",
              actpass_config_error(client));
    meeting_end(&meeting);
    actpass_config_free(client);
    actpass_config_free(server);
}

/* A session lives as long as the first handshake allows, through any number of exports. */
Test(conn_session, it_does_not_live_longer_by_export)
{
    struct kept kept;
    actpass_config *server = config_of(0), *client = config_of(1);
    cr_assert_eq(actpass_config_set_timeout(client, ACTPASS_SESSION_TIMEOUT, 2000), 0);
    (void)keep(server, client, NULL, &kept);
    int64_t begin = time(NULL);
    bool again = true;
    for (int i = 0; i < 20 && again; i++) {
        struct import given = {.kept = &kept, .config = client};
        struct meeting meeting = {.server.config = server,
                                  .client = {.config = client, .prepare = import, .arg = &given}};
        meeting_run(&meeting);
        again = given.result == 0;
        if (again)
            kept.size = actpass_session_export(meeting.client.conn, kept.bytes, sizeof(kept.bytes));
        meeting_end(&meeting);
        pause_ms(300);
    }
    cr_assert_not(again, "it should have expired");
    cr_assert_geq(time(NULL) - begin, 1);
    actpass_config_free(client);
    actpass_config_free(server);
}

/* ---- A ticket is used once ------------------------------------------------------------------- */

static void echo_with_tickets(struct socket_peer *peer, void *arg)
{
    const size_t *tickets = arg;
    (void)SSL_set_num_tickets(peer->ssl, *tickets);
    peer_echoes(peer, NULL);
}

/* Offers what is KEPT, if that has a size, to a peer that gives so many tickets, and keeps what
 * there is after one echo. Returns true if it was resumed. */
static bool visit(SSL_CTX *context, size_t tickets, struct kept *kept)
{
    int fds[2];
    char byte = 'x';
    actpass_info_t info;
    struct kept early;
    const struct socket_peer_options manners = {.server = true};
    actpass_config *config = config_of(1);
    sockets_tcp(fds);
    actpass_conn *conn = actpass_accept_fd(config, fds[0]);
    cr_assert_not_null(conn, "%s", actpass_config_error(config));
    cr_assert(kept->size == 0 ||
              actpass_session_import(conn, kept->bytes, (size_t)kept->size) == 0);
    struct socket_peer *peer = socket_peer_new(fds[1], context, &manners);
    socket_peer_start(peer, echo_with_tickets, &tickets);
    cr_assert_eq(actpass_handshake(conn), 0, "%s", actpass_error(conn));
    actpass_info(conn, &info);
    cr_assert_eq(actpass_session_export(conn, early.bytes, sizeof(early.bytes)), 0,
                 "nothing was read yet");
    cr_assert_eq(actpass_write(conn, &byte, 1), 0);
    cr_assert_eq(actpass_read(conn, &byte, 1), 1, "%s", actpass_error(conn));
    kept->size = actpass_session_export(conn, kept->bytes, sizeof(kept->bytes));
    cr_assert_eq(actpass_close(conn), ACTPASS_CLEAN, "%s", actpass_error(conn));
    actpass_free(conn);
    socket_peer_free(peer);
    actpass_config_free(config);
    return info.resumed;
}

/* OpenSSL marks a ticket of TLS 1.3 that it has used as one that cannot be resumed. */
Test(conn_session, a_ticket_that_was_used_is_not_given_again)
{
    SSL_CTX *context =
        socket_peer_context(TLS1_3_VERSION, pair->ends[0].certificate, pair->ends[0].key);
    struct kept first = {.size = 0};
    cr_assert_not(visit(context, 1, &first));
    cr_assert_gt(first.size, 0);
    struct kept next = first;
    cr_assert(visit(context, 0, &next), "resumed, and the peer gives no other ticket");
    cr_assert_eq(next.size, 0);
    next = first;
    cr_assert(visit(context, 1, &next), "this peer takes it twice");
    cr_assert_gt(next.size, 0);
    cr_assert(next.size != first.size || memcmp(next.bytes, first.bytes, (size_t)first.size) != 0);
    SSL_CTX_free(context);
}
