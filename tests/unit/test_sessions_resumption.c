/* Resumption between two contexts of ours: that it happens, with every store, and when it must not.
 */
#include "tests/unit/test_sessions_resumption.h"

TestSuite(sessions_resumption, .init = set_up, .fini = tear_down, .timeout = 60);

/* ---- That it happens ------------------------------------------------------------------------ */

Test(sessions_resumption, with_every_store)
{
    for (size_t i = 0; i < COUNT(kinds) * COUNT(versions); i = next_row(i)) {
        int version = versions[i % 2];
        struct tls_context *server = server_of(kinds[i / 2]), *client = client_of();
        cr_assert(is_met(meet(server, client, version), FULL), "row %zu", i);
        for (int j = 0; j < 5; j++)
            cr_assert(is_met(meet(server, client, version), RESUMED), "row %zu, time %d", i, j);
        tls_context_free(client);
        tls_context_free(server);
    }
}

Test(sessions_resumption, not_with_off)
{
    for (size_t i = 0; i < 2 * COUNT(versions); i++) {
        bool at_server = i / 2;
        struct config_tls tls =
            settings(1, at_server ? CONFIG_SESSIONS_MEMORY : CONFIG_SESSIONS_OFF);
        struct tls_context *client = make("service", &tls);
        struct tls_context *server =
            server_of(at_server ? CONFIG_SESSIONS_OFF : CONFIG_SESSIONS_MEMORY);
        cr_assert_eq(meet(server, client, versions[i % 2]), FULL);
        cr_assert_eq(meet(server, client, versions[i % 2]), FULL);
        tls_context_free(client);
        tls_context_free(server);
    }
}

/* Two contexts are two processes, or one that was started anew. */
Test(sessions_resumption, what_outlives_a_context)
{
    for (size_t i = 0; i < COUNT(kinds) * COUNT(versions); i = next_row(i)) {
        enum outcome wanted = kinds[i / 2] == CONFIG_SESSIONS_MEMORY ? FULL : RESUMED;
        struct tls_context *server = server_of(kinds[i / 2]), *client = client_of();
        cr_assert(is_met(meet(server, client, versions[i % 2]), FULL));
        tls_context_free(server);
        server = server_of(kinds[i / 2]);
        cr_assert(is_met(meet(server, client, versions[i % 2]), wanted), "row %zu", i);
        tls_context_free(client);
        tls_context_free(server);
    }
}

Test(sessions_resumption, only_for_the_same_address)
{
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct tls_context *server = server_of(CONFIG_SESSIONS_MEMORY), *client = client_of();
        cr_assert_eq(meet(server, client, versions[i]), FULL);
        cr_assert_eq(meet_at(server, client, versions[i], "other.example:443"), FULL);
        cr_assert_eq(meet_at(server, client, versions[i], NULL), FULL);
        cr_assert_eq(meet(server, client, versions[i]), RESUMED);
        tls_context_free(client);
        tls_context_free(server);
    }
}

/* RFC 8446 appendix C.4: two connections with one ticket could be linked to one client. */
Test(sessions_resumption, a_ticket_of_tls_13_is_offered_once)
{
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct tls_context *server = server_of(CONFIG_SESSIONS_MEMORY), *client = client_of();
        cr_assert_eq(meet(server, client, versions[i]), FULL);
        for (int j = 0; j < 2; j++) {
            SSL *theirs = tls_context_ssl(client, ROLE_CLIENT);
            tls_context_offer(client, theirs, PEER);
            cr_assert_eq(!!SSL_get_session(theirs), j == 0 || versions[i] == TLS1_2_VERSION,
                         "TLS %x, time %d", versions[i], j);
            end(theirs);
        }
        tls_context_free(client);
        tls_context_free(server);
    }
}

/* What the peer does not get on with is not offered again. */
Test(sessions_resumption, forgotten_after_a_failure)
{
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct tls_context *server = server_of(CONFIG_SESSIONS_MEMORY), *client = client_of();
        cr_assert_eq(meet(server, client, versions[i]), FULL);
        SSL *theirs = tls_context_ssl(client, ROLE_CLIENT);
        tls_context_offer(client, theirs, PEER);
        tls_context_failed(client, theirs);
        end(theirs);
        cr_assert_eq(meet(server, client, versions[i]), FULL);
        tls_context_free(client);
        tls_context_free(server);
    }
}

/* A fatal alert ends the session, too (RFC 5246 section 7.2); that TCP just ends does not. */
Test(sessions_resumption, not_after_a_fatal_alert)
{
    for (int alert = 0; alert < 2; alert++) {
        struct tls_context *server = server_of(CONFIG_SESSIONS_MEMORY), *client = client_of();
        SSL *ours = tls_context_ssl(server, ROLE_SERVER),
            *theirs = tls_context_ssl(client, ROLE_CLIENT);
        SSL_set_max_proto_version(theirs, TLS1_2_VERSION);
        tls_context_offer(client, theirs, PEER);
        cr_assert(test_handshake_run(ours, theirs).client.up);
        char byte;
        if (alert) { /* a record that does not decrypt */
            static const unsigned char bad[] = {0x17, 3,  3,  0,  30, 1,  2,  3,  4,  5,  6,  7,
                                                8,    9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
                                                20,   21, 22, 23, 24, 25, 26, 27, 28, 29, 30};
            cr_assert_eq(BIO_write(SSL_get_wbio(theirs), bad, sizeof(bad)), sizeof(bad));
            cr_assert_leq(SSL_read(ours, &byte, 1), 0);
            ERR_clear_error();
        }
        end(theirs);
        end(ours);
        cr_assert_eq(meet(server, client, TLS1_2_VERSION), alert ? FULL : RESUMED);
        tls_context_free(client);
        tls_context_free(server);
    }
}

/* The lifetime that is configured ends. */
Test(sessions_resumption, until_the_timeout)
{
    enum { ROWS = COUNT(kinds) * COUNT(versions) };
    struct tls_context *servers[ROWS], *clients[ROWS];
    bool ended[ROWS] = {false};
    size_t count = 0;
    for (size_t i = 0; i < ROWS; i++) {
        struct config_tls tls = settings(0, kinds[i / 2]);
        tls.session_timeout_ms = 1000;
        servers[i] = make("service", &tls);
        clients[i] = client_of();
        cr_assert_eq(meet(servers[i], clients[i], versions[i % 2]), FULL);
    }
    for (int turn = 0; turn < 10 && count < ROWS; turn++) {
        pause_ms(1500); /* each TLS 1.3 connection gives a new one, which must get old, too */
        for (size_t i = 0; i < ROWS; i++)
            if (!ended[i] && (ended[i] = meet(servers[i], clients[i], versions[i % 2]) == FULL))
                count++;
    }
    cr_assert_eq(count, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        tls_context_free(clients[i]);
        tls_context_free(servers[i]);
    }
}

/* One that is used all the time ends, too: a session counts from the full handshake, however often
 * TLS 1.3 (or TLS 1.2, when the ticket's key is an old one) has put another in its place. In both
 * roles. */
Test(sessions_resumption, from_the_full_handshake)
{
    enum { ROWS = COUNT(kinds) * COUNT(versions) * 2, TURNS = 30 };
    struct tls_context *servers[ROWS], *clients[ROWS];
    int ended[ROWS] = {0}, count = 0;
    for (size_t i = 0; i < ROWS; i++) {
        struct config_tls server = settings(0, kinds[i / 4]);
        struct config_tls client = settings(1, CONFIG_SESSIONS_MEMORY);
        (i / 2 % 2 ? &client : &server)->session_timeout_ms = 10000;
        servers[i] = make("service", &server);
        clients[i] = make("service", &client);
        cr_assert(is_met(meet(servers[i], clients[i], versions[i % 2]), FULL));
    }
    test_write_text(pair->folder, "keys", TWO ONE);
    for (int turn = 1; turn <= TURNS && count < ROWS; turn++) {
        pause_ms(1000); /* a slow machine needs seconds for each turn */
        for (size_t i = 0; i < ROWS; i++)
            if (!ended[i] && meet(servers[i], clients[i], versions[i % 2]) == FULL) {
                ended[i] = turn;
                count++;
            }
    }
    cr_assert_eq(count, ROWS, "%d of %d have ended", count, (int)ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        cr_assert(ended[i] > 1 || file_was_busy, "row %zu: %d", i, ended[i]);
        cr_assert(is_met(meet(servers[i], clients[i], versions[i % 2]), RESUMED),
                  "the next begins");
        tls_context_free(clients[i]);
        tls_context_free(servers[i]);
    }
}

/* ---- Keys ----------------------------------------------------------------------------------- */

Test(sessions_resumption, keys_that_change)
{
    static const struct {
        const char *then, *now;
        enum outcome outcome;
    } rows[] = {{ONE, TWO ONE, RESUMED}, {TWO ONE, ONE TWO, RESUMED}, {ONE, TWO, FULL}};
    for (size_t i = 0; i < COUNT(rows) * COUNT(kinds) * COUNT(versions); i = next_row(i)) {
        enum config_sessions_kind kind = kinds[i / 2 % COUNT(kinds)];
        size_t row = i / 2 / COUNT(kinds);
        if (kind == CONFIG_SESSIONS_MEMORY)
            continue;
        test_write_text(pair->folder, "keys", rows[row].then);
        struct tls_context *server = server_of(kind), *client = client_of();
        cr_assert(is_met(meet(server, client, versions[i % 2]), FULL));
        tls_context_free(server);
        test_write_text(pair->folder, "keys", rows[row].now);
        server = server_of(kind);
        cr_assert(is_met(meet(server, client, versions[i % 2]), rows[row].outcome), "row %zu", i);
        cr_assert(is_met(meet(server, client, versions[i % 2]), RESUMED), "row %zu", i);
        tls_context_free(client);
        tls_context_free(server);
    }
}

/* ---- When it must not ----------------------------------------------------------------------- */

/* Settings of a server that are not those under which the session was made. */
static struct tls_context *changed(enum config_sessions_kind kind, int what)
{
    static struct config_peer_name both[2];
    static struct config_pin pins[1];
    struct config_tls tls = settings(0, kind);
    const char *service = "service";
    both[0] = tls.peer_names.items[0];
    both[1] = test_peer_name("more.example");
    pins[0] = test_pin(pair->ends[1].pin);
    switch (what) {
    case 0:
        tls.peer_names = (struct config_peer_names){both, 2};
        break;
    case 1:
        tls.client_auth = CONFIG_CLIENT_AUTH_REQUEST;
        break;
    case 2:
        tls.peer_pins = (struct config_pins){pins, 1};
        break;
    case 3:
        tls.ciphersuites = (char *)"TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256";
        break;
    default:
        service = "other";
    }
    return make(service, &tls);
}

Test(sessions_resumption, not_under_another_policy_or_service)
{
    enum { CHANGES = 5 };
    for (size_t i = 0; i < CHANGES * COUNT(kinds) * COUNT(versions); i = next_row(i)) {
        enum config_sessions_kind kind = kinds[i / 2 % COUNT(kinds)];
        int what = (int)(i / 2 / COUNT(kinds));
        struct tls_context *server = server_of(kind), *client = client_of();
        struct tls_context *other = changed(kind, what);
        cr_assert(is_met(meet(server, client, versions[i % 2]), FULL));
        cr_assert(is_met(meet(other, client, versions[i % 2]), FULL), "change %d, row %zu", what,
                  i);
        cr_assert(is_met(meet(other, client, versions[i % 2]), RESUMED), "change %d, row %zu", what,
                  i);
        tls_context_free(other);
        tls_context_free(client);
        tls_context_free(server);
    }
}

/* A session that one end has from a connection in one role does nothing in the other (hazard 33).
 */
Test(sessions_resumption, not_in_another_role)
{
    for (size_t i = 0; i < COUNT(kinds) * COUNT(versions); i = next_row(i)) {
        struct config_tls left = settings(0, kinds[i / 2]), right = settings(1, kinds[i / 2]);
        struct tls_context *one = make("service", &left), *two = make("service", &right);
        cr_assert(is_met(meet(one, two, versions[i % 2]), FULL));
        cr_assert(is_met(meet(two, one, versions[i % 2]), FULL));
        cr_assert(is_met(meet(one, two, versions[i % 2]), RESUMED));
        cr_assert(is_met(meet(two, one, versions[i % 2]), RESUMED));
        tls_context_free(two);
        tls_context_free(one);
    }
}

/* Names and pins are compared again, whatever OpenSSL resumes: here a client is made to offer a
 * session that another policy made. */
Test(sessions_resumption, the_peer_is_looked_at_again)
{
    static struct config_peer_name other_names[] = {{.text = "elsewhere.example"}};
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct error_text error;
        struct config_tls tls = settings(1, CONFIG_SESSIONS_MEMORY);
        struct tls_context *server = server_of(CONFIG_SESSIONS_MEMORY), *client = client_of();
        tls.peer_names = (struct config_peer_names){other_names, 1};
        struct tls_context *strict = make("service", &tls);
        SSL *ours = tls_context_ssl(server, ROLE_SERVER),
            *theirs = tls_context_ssl(client, ROLE_CLIENT);
        SSL_set_max_proto_version(theirs, versions[i]);
        cr_assert(test_handshake_run(ours, theirs).client.up);
        SSL_SESSION *session = SSL_get1_session(theirs);
        cr_assert(tls_context_accepts(client, theirs, &error), "%s", error.text);
        end(theirs);
        end(ours);

        ours = tls_context_ssl(server, ROLE_SERVER);
        theirs = tls_context_ssl(strict, ROLE_CLIENT);
        unsigned size;
        const unsigned char *scope = SSL_SESSION_get0_id_context(session, &size);
        cr_assert(SSL_set_max_proto_version(theirs, versions[i]) &&
                  SSL_set_session_id_context(theirs, scope, size) &&
                  SSL_set_session(theirs, session));
        cr_assert(test_handshake_run(ours, theirs).client.up);
        cr_assert(SSL_session_reused(theirs), "what the check is for does not happen");
        cr_assert_not(tls_context_accepts(strict, theirs, &error));
        cr_assert(strstr(error.text, "the peer's certificate is refused"), "%s", error.text);
        end(theirs);
        end(ours);
        SSL_SESSION_free(session);
        tls_context_free(strict);
        tls_context_free(client);
        tls_context_free(server);
    }
}

/* ---- What cannot be used -------------------------------------------------------------------- */

#ifdef HAVE_LMDB
Test(sessions_resumption, a_store_that_cannot_be_used)
{
    struct error_text error;
    struct config_tls tls = settings(0, CONFIG_SESSIONS_FILE);
    tls.sessions.path = (char *)"/nonexistent/store";
    cr_assert_null(tls_context_new((struct tls_owner){"", NULL}, &tls, CONFIG_ROLE_SERVER, &error));
    cr_assert(strstr(error.text, "make the folder first"), "%s", error.text);
    tls = settings(0, CONFIG_SESSIONS_FILE);
    tls.session_key_file = NULL;
    cr_assert_null(tls_context_new((struct tls_owner){"", NULL}, &tls, CONFIG_ROLE_SERVER, &error));
    cr_assert(strstr(error.text, "sessions: keeps secrets outside of this process"), "%s",
              error.text);
    tls.session_key_file = (char *)"/nonexistent/keys";
    cr_assert_null(tls_context_new((struct tls_owner){"", NULL}, &tls, CONFIG_ROLE_SERVER, &error));
    cr_assert(strstr(error.text, "session_key_file /nonexistent/keys"), "%s", error.text);
}
#endif
