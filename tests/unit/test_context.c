/* Contexts: what cannot be loaded and why, what is set, and what is negotiated. */
#include "server/lib/tls/context.h"
#include "tests/support/certs.h"
#include "tests/support/tls_peer.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

/* ---- Files and settings --------------------------------------------------------------------- */

struct files {
    struct test_folder *folder;
    char *ca, *certificate, *key, *other_key, *locked_key, *both, *empty, *garbage, *cut, *missing;
    struct test_identity *own;
};

static struct files files_new(void)
{
    struct files files = {.folder = test_folder_new()};
    struct test_folder *folder = files.folder;
    struct test_identity *ca = test_ca_new("CA"), *other = test_ca_new("other");
    files.own = test_leaf_new(ca, "DNS:own.example");
    files.ca = (char *)test_write_certificate(folder, "ca.pem", ca);
    files.certificate = (char *)test_write_certificate(folder, "own.pem", files.own);
    files.key = (char *)test_write_key(folder, "own.key", files.own, NULL);
    files.other_key = (char *)test_write_key(folder, "other.key", other, NULL);
    files.locked_key = (char *)test_write_key(folder, "locked.key", files.own, "secret");
    files.empty = (char *)test_write_text(folder, "empty.pem", "");
    files.garbage = (char *)test_write_text(folder, "garbage.pem", "not a certificate\n\x01\x02");
    files.cut = (char *)test_write_text(folder, "cut.pem",
                                        "-----BEGIN CERTIFICATE-----\nMIIBxzCCAW6gAwIBAgII\n");
    files.missing = (char *)test_folder_path(folder, "missing.pem");
    test_identity_free(other);
    test_identity_free(ca);
    return files;
}

static void files_free(struct files *files)
{
    test_identity_free(files->own);
    test_folder_free(files->folder);
}

/* Good settings for both roles, to be spoilt. */
static struct config_tls good(const struct files *files)
{
    static struct config_peer_name names[] = {{.text = "peer.example"}};
    return (struct config_tls){.certificate = files->certificate,
                               .key = files->key,
                               .ca = files->ca,
                               .peer_names = {names, 1}};
}

/* The sentence of the failure, or "" where there is none. Paths are cut to the file's name. */
static const char *failure(const struct files *files, const struct config_tls *tls,
                           enum config_role role)
{
    static struct error_text error;
    size_t folder = (size_t)(strrchr(files->ca, '/') + 1 - files->ca);
    char *at;
    error.text[0] = '\0';
    struct tls_context *context = tls_context_new((struct tls_owner){"", NULL}, tls, role, &error);
    cr_assert_eq(!!context, error.text[0] == '\0', "a failure without a reason");
    cr_assert_eq(ERR_peek_error(), 0, "the error queue is not empty");
    tls_context_free(context);
    while ((at = memmem(error.text, strlen(error.text), files->ca, folder)))
        memmove(at, at + folder, strlen(at + folder) + 1);
    return error.text;
}

/* TEXT is part of the sentence; tests/golden/library.txt has the whole ones. */
static void assert_fails(const struct files *files, const struct config_tls *tls, const char *text)
{
    const char *said = failure(files, tls, CONFIG_ROLE_AUTO);
    cr_assert(strstr(said, text), "\"%s\" has no \"%s\"", said, text);
}

/* ---- What cannot be loaded ------------------------------------------------------------------ */

Test(context, good_settings_load_in_every_role)
{
    static const enum config_role roles[] = {CONFIG_ROLE_AUTO, CONFIG_ROLE_SERVER,
                                             CONFIG_ROLE_CLIENT};
    struct files files = files_new();
    struct config_tls tls = good(&files);
    for (size_t i = 0; i < COUNT(roles); i++)
        cr_assert_str_eq(failure(&files, &tls, roles[i]), "");
    files_free(&files);
}

Test(context, files_that_do_not_do)
{
    struct files files = files_new();
    const struct {
        char *certificate, *key, *ca;
        const char *text;
    } rows[] = {
        {files.missing, files.key, files.ca, "certificate missing.pem cannot be read"},
        {files.certificate, files.missing, files.ca, "key missing.pem cannot be read"},
        {files.certificate, files.key, files.missing, "ca missing.pem cannot be read"},
        {files.empty, files.key, files.ca, "certificate empty.pem holds no certificate"},
        {files.garbage, files.key, files.ca, "certificate garbage.pem holds no certificate"},
        {files.key, files.key, files.ca, "certificate own.key holds no certificate"},
        {files.cut, files.key, files.ca,
         "certificate cut.pem holds a certificate that cannot be read"},
        {files.certificate, files.key, files.empty, "ca empty.pem holds no certificate"},
        {files.certificate, files.key, files.cut,
         "ca cut.pem holds a certificate that cannot be read"},
        {files.certificate, files.empty, files.ca, "key empty.pem holds no private key"},
        {files.certificate, files.certificate, files.ca, "key own.pem holds no private key"},
        {files.certificate, files.locked_key, files.ca, "key locked.key is protected"},
        {files.certificate, files.other_key, files.ca,
         "key other.key does not match certificate own.pem"},
        {files.ca, files.key, files.ca, "key own.key does not match certificate ca.pem"},
        {NULL, NULL, files.ca, "add \"certificate\""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config_tls tls = good(&files);
        tls.certificate = rows[i].certificate;
        tls.key = rows[i].key;
        tls.ca = rows[i].ca;
        assert_fails(&files, &tls, rows[i].text);
    }
    files_free(&files);
}

Test(context, a_file_that_may_not_be_read)
{
    struct files files = files_new();
    struct config_tls tls = good(&files);
    cr_assert_eq(chmod(files.key, 0), 0);
    bool superuser = access(files.key, R_OK) == 0;
    const char *text = failure(&files, &tls, CONFIG_ROLE_AUTO);
    cr_assert_str_eq(text, superuser ? "" : "key own.key cannot be read: Permission denied");
    files_free(&files);
}

Test(context, a_key_that_everybody_may_read)
{
    struct files files = files_new();
    struct config_tls tls = good(&files);
    cr_assert_eq(chmod(files.key, 0644), 0);
    assert_fails(&files, &tls, "everybody may read or write it: chmod 600 own.key");
    cr_assert_eq(chmod(files.key, 0640), 0);
    cr_assert_str_eq(failure(&files, &tls, CONFIG_ROLE_AUTO), "");
    files_free(&files);
}

Test(context, a_folder_is_no_file)
{
    struct files files = files_new();
    struct config_tls tls = good(&files);
    tls.ca = (char *)"/";
    assert_fails(&files, &tls, "ca / holds");
    files_free(&files);
}

Test(context, certificate_and_key_in_one_file)
{
    char text[8192] = "";
    struct files files = files_new();
    struct config_tls tls = good(&files);
    const char *const parts[] = {files.key, files.certificate};
    for (size_t i = 0; i < 2; i++) {
        int fd = open(parts[i], O_RDONLY | O_CLOEXEC);
        cr_assert(fd >= 0 && read(fd, text + strlen(text), 4000) > 0);
        close(fd);
    }
    tls.certificate = (char *)test_write_text(files.folder, "both.pem", text);
    tls.key = NULL;
    cr_assert_str_eq(failure(&files, &tls, CONFIG_ROLE_AUTO), "");
    files_free(&files);
}

Test(context, a_key_alone)
{
    struct files files = files_new();
    struct config_tls tls = good(&files);
    tls.certificate = NULL;
    cr_assert_str_eq(failure(&files, &tls, CONFIG_ROLE_CLIENT),
                     "key: needs \"certificate\" beside it");
    tls.key = NULL;
    cr_assert_str_eq(failure(&files, &tls, CONFIG_ROLE_CLIENT), "");
    files_free(&files);
}

/* ---- Whom to trust -------------------------------------------------------------------------- */

#define WHOM "this service may become TLS client and must say whom it trusts"

Test(context, trust_must_be_said)
{
    enum { A = CONFIG_ROLE_AUTO, S = CONFIG_ROLE_SERVER, C = CONFIG_ROLE_CLIENT };
    static const struct {
        bool ca, name, pin, any;
        enum config_client_auth client_auth;
        int role;
        const char *text; /* how the sentence begins; "": fine */
    } rows[] = {
        {false, false, false, false, CONFIG_CLIENT_AUTH_NONE, C,
         WHOM ": add \"ca\" and \"peer_names\""},
        {false, false, false, false, CONFIG_CLIENT_AUTH_NONE, A,
         WHOM ": add \"ca\" and \"peer_names\""},
        {true, false, false, false, CONFIG_CLIENT_AUTH_NONE, C, WHOM ", and \"ca\" alone"},
        {true, false, false, false, CONFIG_CLIENT_AUTH_REQUIRE, A, WHOM ", and \"ca\" alone"},
        {false, true, false, false, CONFIG_CLIENT_AUTH_NONE, C, WHOM ", and \"peer_names\" needs"},
        {true, true, false, false, CONFIG_CLIENT_AUTH_NONE, C, ""},
        {false, false, true, false, CONFIG_CLIENT_AUTH_NONE, C, ""},
        {false, true, true, false, CONFIG_CLIENT_AUTH_NONE, A, ""},
        {false, false, false, true, CONFIG_CLIENT_AUTH_NONE, A, ""},
        {false, false, false, false, CONFIG_CLIENT_AUTH_NONE, S, ""},
        {false, false, false, false, CONFIG_CLIENT_AUTH_REQUEST, S, "client_auth: needs somebody"},
        {false, true, false, false, CONFIG_CLIENT_AUTH_REQUIRE, S, "client_auth: needs somebody"},
        {true, false, false, false, CONFIG_CLIENT_AUTH_REQUIRE, S, ""},
        {false, false, true, false, CONFIG_CLIENT_AUTH_REQUIRE, S, ""},
        {false, false, false, true, CONFIG_CLIENT_AUTH_REQUEST, S, ""},
        {true, false, false, true, CONFIG_CLIENT_AUTH_NONE, A,
         "ca: contradicts \"insecure_any_peer\""},
        {false, true, false, true, CONFIG_CLIENT_AUTH_NONE, A,
         "peer_names: contradicts \"insecure_any_peer\""},
        {false, false, true, true, CONFIG_CLIENT_AUTH_NONE, S,
         "peer_pins: contradicts \"insecure_any_peer\""},
    };
    static struct config_pin pins[1];
    struct files files = files_new();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config_tls tls = good(&files);
        tls.ca = rows[i].ca ? files.ca : NULL;
        tls.peer_names.count = rows[i].name;
        tls.peer_pins = (struct config_pins){pins, rows[i].pin};
        tls.insecure_any_peer = rows[i].any;
        tls.client_auth = rows[i].client_auth;
        const char *text = failure(&files, &tls, (enum config_role)rows[i].role);
        cr_assert_eq(strncmp(text, rows[i].text, strlen(rows[i].text)), 0, "row %zu: %s", i, text);
        cr_assert(*rows[i].text || !*text, "row %zu: %s", i, text);
    }
    files_free(&files);
}

Test(context, the_systems_store_loads)
{
    struct files files = files_new();
    struct config_tls tls = good(&files);
    tls.ca = NULL;
    tls.ca_system = true;
    cr_assert_str_eq(failure(&files, &tls, CONFIG_ROLE_AUTO), "");
    files_free(&files);
}

Test(context, a_ca_file_with_the_same_certificate_twice)
{
    char text[8192];
    struct files files = files_new();
    struct config_tls tls = good(&files);
    int fd = open(files.ca, O_RDONLY | O_CLOEXEC);
    ssize_t size = read(fd, text, 4000);
    close(fd);
    cr_assert(size > 0);
    memcpy(text + size, text, (size_t)size);
    text[2 * size] = '\0';
    tls.ca = (char *)test_write_text(files.folder, "twice.pem", text);
    cr_assert_str_eq(failure(&files, &tls, CONFIG_ROLE_AUTO), "");
    files_free(&files);
}

/* ---- Other settings that do not do ---------------------------------------------------------- */

Test(context, wrong_settings)
{
    struct files files = files_new();
    struct config_tls all[6];
    static const char *const texts[COUNT(all)] = {
        "ciphers \"NO-SUCH-CIPHER\" leaves no cipher",
        "ciphers \"aNULL\" leaves no cipher",
        "ciphers \"eNULL\" leaves no cipher",
        "ciphersuites \"TLS_NO_SUCH\" has a name",
        "ciphersuites \"\" has a name",
        "crl list.pem cannot be read",
    };
    for (size_t i = 0; i < COUNT(all); i++)
        all[i] = good(&files);
    all[0].ciphers = (char *)"NO-SUCH-CIPHER";
    all[1].ciphers = (char *)"aNULL";
    all[2].ciphers = (char *)"eNULL";
    all[3].ciphersuites = (char *)"TLS_NO_SUCH";
    all[4].ciphersuites = (char *)"";
    all[5].crl = (char *)"list.pem";
    for (size_t i = 0; i < COUNT(all); i++)
        assert_fails(&files, &all[i], texts[i]);
    files_free(&files);
}

Test(context, crl_needs_somebody_to_revoke)
{
    struct files files = files_new();
    char pin[72];
    struct config_pin pins[] = {test_pin(test_identity_pin(files.own, pin))};
    struct config_tls pinned = {.certificate = files.certificate,
                                .key = files.key,
                                .crl = files.empty,
                                .peer_pins = {pins, 1}};
    struct config_tls any = {.certificate = files.certificate,
                             .key = files.key,
                             .crl = files.empty,
                             .insecure_any_peer = true};
    assert_fails(&files, &pinned, "crl: needs \"ca\"");
    assert_fails(&files, &any, "crl: contradicts \"insecure_any_peer\"");
    files_free(&files);
}

/* A key that is too small for the security level (Debian: 2). */
Test(context, a_weak_key)
{
    struct files files = files_new();
    struct config_tls tls = good(&files);
    struct test_identity *weak = test_ca_new("weak");
    EVP_PKEY_free(weak->key);
    weak->key = EVP_RSA_gen(1024);
    cr_assert(weak->key && X509_set_pubkey(weak->certificate, weak->key) &&
              X509_sign(weak->certificate, weak->key, EVP_sha256()));
    tls.certificate = (char *)test_write_certificate(files.folder, "weak.pem", weak);
    tls.key = (char *)test_write_key(files.folder, "weak.key", weak, NULL);
    assert_fails(&files, &tls, "certificate weak.pem cannot be used");
    test_identity_free(weak);
    files_free(&files);
}

/* ---- What is set ---------------------------------------------------------------------------- */

static struct tls_context *load(const struct config_tls *tls)
{
    struct error_text error = {.text = ""};
    struct tls_context *context =
        tls_context_new((struct tls_owner){"", NULL}, tls, CONFIG_ROLE_AUTO, &error);
    cr_assert_not_null(context, "%s", error.text);
    return context;
}

Test(context, only_the_roles_that_can_occur)
{
    static const struct {
        enum config_role role;
        bool server, client;
    } rows[] = {{CONFIG_ROLE_AUTO, true, true},
                {CONFIG_ROLE_SERVER, true, false},
                {CONFIG_ROLE_CLIENT, false, true}};
    struct files files = files_new();
    struct config_tls tls = good(&files);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct error_text error = {.text = ""};
        struct tls_context *context =
            tls_context_new((struct tls_owner){"", NULL}, &tls, rows[i].role, &error);
        SSL *server = tls_context_ssl(context, ROLE_SERVER),
            *client = tls_context_ssl(context, ROLE_CLIENT);
        cr_assert_eq(!!server, rows[i].server);
        cr_assert_eq(!!client, rows[i].client);
        cr_assert(!server || SSL_is_server(server));
        cr_assert(!client || !SSL_is_server(client));
        SSL_free(client);
        SSL_free(server);
        tls_context_free(context);
    }
    tls_context_free(NULL);
    files_free(&files);
}

Test(context, options_and_modes)
{
    struct files files = files_new();
    struct config_tls tls = good(&files);
    struct tls_context *context = load(&tls);
    for (int server = 0; server < 2; server++) {
        SSL *ssl = tls_context_ssl(context, server ? ROLE_SERVER : ROLE_CLIENT);
        uint64_t on = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET;
#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
        on |= SSL_OP_NO_RX_CERTIFICATE_COMPRESSION | SSL_OP_NO_TX_CERTIFICATE_COMPRESSION;
#endif
        const uint64_t off = SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_LEGACY_SERVER_CONNECT |
                             SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION |
                             SSL_OP_ALLOW_CLIENT_RENEGOTIATION;
        cr_assert_eq(SSL_get_options(ssl) & on, on);
        cr_assert_eq(SSL_get_options(ssl) & off, 0);
        const uint64_t modes =
            SSL_MODE_AUTO_RETRY | SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER;
        const uint64_t set = (uint64_t)SSL_get_mode(ssl);
        cr_assert_eq(set & modes, modes);
        cr_assert_eq(set & SSL_MODE_ENABLE_PARTIAL_WRITE, 0);
        cr_assert_eq(SSL_get_min_proto_version(ssl), TLS1_2_VERSION);
        cr_assert_eq(SSL_get_num_tickets(ssl), 0);
        cr_assert_eq(SSL_CTX_get_session_cache_mode(SSL_get_SSL_CTX(ssl)), SSL_SESS_CACHE_OFF);
        SSL_free(ssl);
    }
    tls_context_free(context);
    files_free(&files);
}

Test(context, the_request_names_the_ca)
{
    struct files files = files_new();
    struct config_tls tls = good(&files);
    for (int asks = 0; asks < 2; asks++) {
        tls.client_auth = asks ? CONFIG_CLIENT_AUTH_REQUEST : CONFIG_CLIENT_AUTH_NONE;
        struct tls_context *context = load(&tls);
        SSL *server = tls_context_ssl(context, ROLE_SERVER),
            *client = tls_context_ssl(context, ROLE_CLIENT);
        cr_assert_eq(sk_X509_NAME_num(SSL_get_client_CA_list(server)) > 0, asks);
        cr_assert_leq(sk_X509_NAME_num(SSL_get0_CA_list(client)), 0, "a ClientHello stays small");
        SSL_free(client);
        SSL_free(server);
        tls_context_free(context);
    }
    files_free(&files);
}

Test(context, server_name)
{
    static struct config_peer_name none[] = {{.text = "a"}}, one[] = {{.text = "one.example"}},
                                   wild[] = {{CONFIG_NAME_DNS_BELOW, .text = "example"}},
                                   address[] = {{CONFIG_NAME_IP, .text = "192.0.2.1"}},
                                   uri[] = {{CONFIG_NAME_URI, .text = "urn:x:y"}},
                                   two[] = {{.text = "one.example"}, {.text = "two.example"}};
    static const struct {
        const char *configured;
        struct config_peer_names names;
        const char *sent;
    } rows[] = {
        {NULL, {one, 1}, "one.example"},
        {"sni.example", {one, 1}, "sni.example"},
        {"sni.example", {wild, 1}, "sni.example"},
        {NULL, {none, 1}, "a"},
        {NULL, {wild, 1}, NULL},
        {NULL, {address, 1}, NULL},
        {NULL, {uri, 1}, NULL},
        {NULL, {two, 2}, NULL},
    };
    struct files files = files_new();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config_tls tls = good(&files);
        tls.peer_names = rows[i].names;
        tls.server_name = (char *)rows[i].configured;
        struct tls_context *context = load(&tls);
        SSL *client = tls_context_ssl(context, ROLE_CLIENT);
        const char *sent = SSL_get_servername(client, TLSEXT_NAMETYPE_host_name);
        cr_assert_eq(!!sent, !!rows[i].sent, "row %zu", i);
        cr_assert(!sent || strcmp(sent, rows[i].sent) == 0, "row %zu: %s", i, sent);
        SSL_free(client);
        tls_context_free(context);
    }
    files_free(&files);
}
