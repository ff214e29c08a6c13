/* Resumption where peers are checked by OCSP: a session brings no chain, so one whose peer could
 * not be asked about is not resumed, and the full handshake brings what is missing. */
#include "server/lib/ocsp/ocsp.h"
#include "server/lib/tls/context.h"
#include "tests/support/ocsp_responder.h"
#include "tests/support/tls_peer.h"
#include "tests/support/tls_world.h"

#include <criterion/criterion.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
static const enum config_sessions_kind kinds[] = {CONFIG_SESSIONS_MEMORY, CONFIG_SESSIONS_TICKETS};

struct row {
    const char *what;
    enum shown shown;
    enum config_ocsp_peers peers;
    bool responder; /* is one configured? The certificates name none */
    bool known;     /* has it been asked before? */
    bool resumes;
};

static const struct row rows[] = {
    {"it is not checked", BY_MIDDLE, CONFIG_OCSP_OFF, true, false, true},
    {"its issuer is trusted", DEVICE, CONFIG_OCSP_HARD, true, false, true},
    {"its issuer is trusted, soft", DEVICE, CONFIG_OCSP_SOFT, true, false, true},
    {"its issuer was sent only", BY_MIDDLE, CONFIG_OCSP_HARD, true, false, false},
    {"its issuer was sent only, soft", BY_MIDDLE, CONFIG_OCSP_SOFT, true, false, false},
    {"but it is known", BY_MIDDLE, CONFIG_OCSP_HARD, true, true, true},
    {"but it is known, soft", BY_MIDDLE, CONFIG_OCSP_SOFT, true, true, true},
    {"there is nobody to ask", DEVICE, CONFIG_OCSP_HARD, false, false, false},
    {"nobody to ask, soft", DEVICE, CONFIG_OCSP_SOFT, false, false, true},
};

static struct tls_context *make_server(const struct world *world, const struct row *row,
                                       enum config_sessions_kind kind, struct ocsp *ocsp)
{
    struct config_peer_name names[1];
    struct error_text error = {.text = ""};
    struct config_tls tls = world_settings(world, names);
    const struct tls_hooks hooks = {.ocsp = ocsp};
    tls.sessions.kind = kind;
    tls.ocsp.peers = row->peers;
    tls.ocsp.responder = row->responder ? "http://127.0.0.1:9/" : NULL;
    struct tls_context *context = tls_context_new_with((struct tls_owner){"", NULL}, &tls,
                                                       CONFIG_ROLE_SERVER, &hooks, &error);
    cr_assert_not_null(context, "%s", error.text);
    return context;
}

static struct tls_context *make_client(const struct world *world, enum shown shown)
{
    struct config_peer_name names[1];
    struct error_text error = {.text = ""};
    struct config_tls tls = world_settings(world, names);
    tls.certificate =
        (char *)test_write_certificate(world->folder, "device.pem", world->shown[shown]);
    tls.key = (char *)test_write_key(world->folder, "device.key", world->shown[shown], NULL);
    struct tls_context *context =
        tls_context_new((struct tls_owner){"", NULL}, &tls, CONFIG_ROLE_CLIENT, &error);
    cr_assert_not_null(context, "%s", error.text);
    return context;
}

/* As the responder of that row would say. */
static void teach(struct ocsp *ocsp, const struct world *world, const struct row *row)
{
    unsigned char *bytes = NULL;
    struct error_text why = {.text = ""};
    const struct config_ocsp settings = {.responder = "http://127.0.0.1:9/"};
    struct ocsp_source *source = ocsp_source_new(&settings, NULL);
    const struct ocsp_peer peer = {source, world->shown[row->shown]->certificate,
                                   world->middle->certificate};
    OCSP_CERTID *id = OCSP_cert_to_id(NULL, peer.certificate, peer.issuer);
    int size = ocsp_response_new(world->middle, id, V_OCSP_CERTSTATUS_GOOD, -60, &bytes);
    cr_assert(ocsp_teach(ocsp, &peer, bytes, (size_t)size, &why), "%s", why.text);
    OPENSSL_free(bytes);
    OCSP_CERTID_free(id);
    ocsp_source_release(source);
}

/* Is the second connection resumed? Both are accepted. */
static bool resumes(struct tls_context *server, struct tls_context *client, int version)
{
    SSL_SESSION *session = NULL;
    bool reused = false;
    for (int turn = 0; turn < 2; turn++) {
        struct error_text why = {.text = ""};
        SSL *ours = tls_context_ssl(server, ROLE_SERVER),
            *theirs = tls_context_ssl(client, ROLE_CLIENT);
        cr_assert(SSL_set_max_proto_version(theirs, version) == 1);
        cr_assert(!session || SSL_set_session(theirs, session) == 1);
        struct test_handshake handshake = test_handshake_run(ours, theirs);
        cr_assert(handshake.server.up && handshake.client.up, "%s", tls_context_refusal(ours));
        cr_assert(tls_context_accepts(server, ours, &why), "%s", why.text);
        SSL_set_shutdown(theirs, SSL_SENT_SHUTDOWN);
        SSL_set_shutdown(ours, SSL_SENT_SHUTDOWN);
        SSL_SESSION_free(session);
        session = SSL_get1_session(theirs);
        reused = SSL_session_reused(ours);
        SSL_free(theirs);
        SSL_free(ours);
    }
    SSL_SESSION_free(session);
    return reused;
}

Test(context_ocsp, which_sessions_are_resumed)
{
    struct world *world = world_new();
    for (size_t i = 0; i < 4 * COUNT(rows); i++) {
        const struct row *row = &rows[i / 4];
        struct ocsp *ocsp = ocsp_new();
        if (row->known)
            teach(ocsp, world, row);
        struct tls_context *server = make_server(world, row, kinds[i >> 1 & 1], ocsp),
                           *client = make_client(world, row->shown);
        cr_assert_eq(resumes(server, client, versions[i & 1]), row->resumes, "row %zu: %s", i,
                     row->what);
        tls_context_free(client);
        tls_context_free(server);
        ocsp_free(ocsp);
    }
    world_free(world);
}
