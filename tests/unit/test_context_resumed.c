/* Invariants of resumption: OpenSSL looks at no certificate of a resumed connection, so
 * tls_context_accepts does. Here the two contexts that resume agree with each other, and a third,
 * of a stricter mind, is asked about the outcome. */
#include "server/lib/tls/context.h"
#include "tests/support/tls_peer.h"
#include "tests/support/tls_world.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

struct mind {
    const char *what;
    const char *name; /* "": no name */
    const char *pin;  /* NULL: none */
    const struct test_crl *crl;
    const char *text; /* how the refusal goes on; "": accepted */
};

static struct tls_context *make(const struct config_tls *tls, bool server)
{
    struct error_text error = {.text = ""};
    struct tls_context *context =
        tls_context_new((struct tls_owner){"", NULL}, tls,
                        server ? CONFIG_ROLE_SERVER : CONFIG_ROLE_CLIENT, &error);
    cr_assert_not_null(context, "%s", error.text);
    return context;
}

static struct tls_context *of_mind(const struct world *world, const struct mind *mind, bool server)
{
    struct config_peer_name names[1];
    struct config_pin pins[] = {test_pin(mind->pin)};
    struct config_tls tls = world_settings(world, names);
    names[0] = test_peer_name(mind->name);
    tls.peer_names.count = *mind->name ? 1 : 0;
    tls.peer_pins = (struct config_pins){pins, mind->pin ? 1 : 0};
    if (mind->crl)
        tls.crl = (char *)test_write_crls(world->folder, "crl.pem", mind->crl, 1);
    return make(&tls, server);
}

/* Our end of a resumed connection. The peer's end is a context of ours, too: it has to remember. */
static SSL *resumed(struct tls_context *server, struct tls_context *client, bool we_serve,
                    int version)
{
    SSL_SESSION *session = NULL;
    for (int turn = 0;; turn++) {
        SSL *ours = tls_context_ssl(server, ROLE_SERVER),
            *theirs = tls_context_ssl(client, ROLE_CLIENT);
        cr_assert(SSL_set_max_proto_version(theirs, version) == 1);
        cr_assert(!session || SSL_set_session(theirs, session) == 1);
        struct test_handshake handshake = test_handshake_run(ours, theirs);
        cr_assert(handshake.server.up && handshake.client.up, "%s%s", tls_context_refusal(ours),
                  tls_context_refusal(theirs));
        SSL_set_shutdown(theirs, SSL_SENT_SHUTDOWN); /* or its session would count as bad */
        SSL_set_shutdown(ours, SSL_SENT_SHUTDOWN);
        SSL_SESSION_free(session);
        if (turn == 1) {
            cr_assert(SSL_session_reused(ours) && SSL_session_reused(theirs));
            SSL_free(we_serve ? theirs : ours);
            return we_serve ? ours : theirs;
        }
        session = SSL_get1_session(theirs);
        SSL_free(theirs);
        SSL_free(ours);
    }
}

/* The peer is the world's device, whichever end it is. */
static struct tls_context *device(const struct world *world, bool server)
{
    struct config_peer_name names[1];
    struct config_tls tls = world_settings(world, names);
    tls.certificate =
        (char *)test_write_certificate(world->folder, "device.pem", world->shown[DEVICE]);
    tls.key = (char *)test_write_key(world->folder, "device.key", world->shown[DEVICE], NULL);
    return make(&tls, server);
}

Test(context_resumed, the_peer_is_looked_at_again)
{
    char right_pin[72], wrong_pin[72];
    struct world *world = world_new();
    test_identity_pin(world->shown[DEVICE], right_pin);
    test_identity_pin(world->own, wrong_pin);
    const struct test_crl nobody = {.issuer = world->ca},
                          revoked = {.issuer = world->ca, .revoked = {world->shown[DEVICE]}},
                          old = {.issuer = world->ca, .from_s = -7200, .until_s = -60},
                          other = {.issuer = world->middle};
    const struct mind minds[] = {
        {"the same", WORLD_NAME, NULL, NULL, ""},
        {"a pin that fits", WORLD_NAME, right_pin, NULL, ""},
        {"a list without it", WORLD_NAME, NULL, &nobody, ""},
        {"another name", "b.devices.example", NULL, NULL, "it carries none of peer_names"},
        {"another kind of name", "email:a@b.example", NULL, NULL, "it carries none of peer_names"},
        {"another pin", WORLD_NAME, wrong_pin, NULL, "its key is none of peer_pins"},
        {"revoked", WORLD_NAME, NULL, &revoked, "it is revoked"},
        {"no longer covered", WORLD_NAME, NULL, &old, "is out of date"},
        {"not covered", WORLD_NAME, NULL, &other, "crl holds no list of its issuer"},
    };
    for (size_t i = 0; i < 4 * COUNT(minds); i++) {
        const struct mind *mind = &minds[i / 4];
        bool we_serve = i & 1;
        struct config_peer_name names[1];
        struct error_text error = {.text = ""};
        struct config_tls tls = world_settings(world, names);
        struct tls_context *ours = make(&tls, we_serve), *theirs = device(world, !we_serve);
        struct tls_context *stricter = of_mind(world, mind, we_serve);
        SSL *ssl = resumed(we_serve ? ours : theirs, we_serve ? theirs : ours, we_serve,
                           versions[i >> 1 & 1]);
        cr_assert(tls_context_accepts(ours, ssl, &error), "%s: %s", mind->what, error.text);
        cr_assert_eq(tls_context_accepts(stricter, ssl, &error), !*mind->text, "%s, as %s: %s",
                     mind->what, we_serve ? "server" : "client", error.text);
        cr_assert(strstr(error.text, mind->text), "%s: %s", mind->what, error.text);
        cr_assert_eq(ERR_peek_error(), 0);
        SSL_free(ssl);
        tls_context_free(stricter);
        tls_context_free(theirs);
        tls_context_free(ours);
    }
    world_free(world);
}

/* Our own certificate may come back out of a session, too (hazard 30). */
Test(context_resumed, reflection)
{
    struct world *world = world_new();
    struct config_peer_name names[1];
    struct error_text error = {.text = ""};
    struct config_tls tls = world_settings(world, names), as_device = tls;
    as_device.certificate =
        (char *)test_write_certificate(world->folder, "device.pem", world->shown[DEVICE]);
    as_device.key = (char *)test_write_key(world->folder, "device.key", world->shown[DEVICE], NULL);
    struct tls_context *server = make(&tls, true), *client = device(world, false);
    struct tls_context *also_device = make(&as_device, true);
    SSL *ssl = resumed(server, client, true, TLS1_3_VERSION);
    cr_assert(tls_context_accepts(server, ssl, &error), "%s", error.text);
    cr_assert_not(tls_context_accepts(also_device, ssl, &error));
    cr_assert(strstr(error.text, "its key is our own"), "%s", error.text);
    SSL_free(ssl);
    tls_context_free(also_device);
    tls_context_free(client);
    tls_context_free(server);
    world_free(world);
}

/* A session of a client that was asked for nothing is none of a client that must show a
 * certificate. */
Test(context_resumed, a_certificate_is_required_again)
{
    struct world *world = world_new();
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct config_peer_name names[1];
        struct error_text error = {.text = ""};
        struct config_tls tls = world_settings(world, names);
        struct tls_context *strict = make(&tls, true);
        tls.client_auth = CONFIG_CLIENT_AUTH_NONE;
        struct tls_context *lenient = make(&tls, true), *client = device(world, false);
        SSL *ssl = resumed(lenient, client, true, versions[i]);
        cr_assert(tls_context_accepts(lenient, ssl, &error), "%s", error.text);
        cr_assert_not(tls_context_accepts(strict, ssl, &error));
        cr_assert_str_eq(error.text, "the peer gave no certificate, which is required");
        SSL_free(ssl);
        tls_context_free(client);
        tls_context_free(lenient);
        tls_context_free(strict);
    }
    world_free(world);
}
