/* A session ends with the certificates under which it was made. */
#include "tests/unit/test_sessions_resumption.h"

#include <stdio.h>

TestSuite(sessions_expiry, .init = set_up, .fini = tear_down, .timeout = 60);

/* A context whose certificate, or that of the authority which it shows with it, is good for eight
 * seconds. */
static struct tls_context *short_lived(size_t end, const struct test_identity *ca, bool authority,
                                       enum config_sessions_kind kind)
{
    char names[64];
    snprintf(names, sizeof(names), "DNS:%s", pair->ends[end].name);
    struct test_identity *brief = test_identity_new(
        &(struct test_identity_options){.issuer = ca,
                                        .names = authority ? NULL : names,
                                        .common_name = authority ? "between" : NULL,
                                        .ca = authority,
                                        .from_s = -60,
                                        .until_s = 8});
    struct test_identity *identity = authority ? test_leaf_new(brief, names) : brief;
    struct config_tls tls = settings(end, kind);
    tls.ca = (char *)test_write_certificate(pair->folder, "short-ca.pem", ca);
    tls.certificate = (char *)test_write_certificate(pair->folder, "short.pem", identity);
    tls.key = (char *)test_write_key(pair->folder, "short.key", identity, NULL);
    struct tls_context *context = make("service", &tls);
    test_identity_free(identity);
    if (authority)
        test_identity_free(brief);
    return context;
}

static struct tls_context *long_lived(size_t end, const struct test_identity *ca,
                                      enum config_sessions_kind kind)
{
    char names[64];
    snprintf(names, sizeof(names), "DNS:%s", pair->ends[end].name);
    struct test_identity *identity = test_leaf_new(ca, names);
    struct config_tls tls = settings(end, kind);
    tls.ca = (char *)test_write_certificate(pair->folder, "long-ca.pem", ca);
    tls.certificate = (char *)test_write_certificate(pair->folder, "long.pem", identity);
    tls.key = (char *)test_write_key(pair->folder, "long.key", identity, NULL);
    struct tls_context *context = make("service", &tls);
    test_identity_free(identity);
    return context;
}

/* As soon as the client's or the server's certificate expires, or one that vouches for it, its
 * sessions are as good as none: the handshake is a full one, in which the certificate is refused.
 */
Test(sessions_expiry, not_when_the_certificate_has_expired)
{
    enum { ROWS = 4 * COUNT(kinds) * COUNT(versions) };
    struct tls_context *ends[ROWS][2];
    bool refused[ROWS] = {false};
    size_t count = 0;
    struct test_identity *ca = test_ca_new("short");
    for (size_t i = 0; i < ROWS; i++) {
        size_t brief = i / 2 % 2;   /* which end's certificate expires */
        bool authority = i / 4 % 2; /* or the one above it */
        ends[i][brief] = short_lived(brief, ca, authority, kinds[i / 8]);
        ends[i][!brief] = long_lived(!brief, ca, kinds[i / 8]);
        cr_assert(is_met(meet(ends[i][0], ends[i][1], versions[i % 2]), FULL), "row %zu", i);
        cr_assert(is_met(meet(ends[i][0], ends[i][1], versions[i % 2]), RESUMED), "row %zu", i);
    }
    for (int turn = 0; turn < 1000 && count < ROWS; turn++) {
        pause_ms(20);
        for (size_t i = 0; i < ROWS; i++) {
            enum outcome outcome =
                refused[i] ? FULL : meet(ends[i][0], ends[i][1], versions[i % 2]);
            refused[i] = refused[i] || outcome == FAILED;
            count += outcome == FAILED;
        }
    }
    cr_assert_eq(count, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        tls_context_free(ends[i][0]);
        tls_context_free(ends[i][1]);
    }
    test_identity_free(ca);
}
