/* Names: which configured name a certificate's subjectAltName satisfies. */
#include "server/lib/tls/peer_names.h"
#include "tests/support/certs.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

static struct test_identity *signer(void)
{
    static struct test_identity *once; /* a key for all certificates of a test */
    if (!once)
        once = test_ca_new("signer");
    return once;
}

static const char *read_one(const char *wanted, struct config_peer_names *names)
{
    struct config_peer_name name;
    const char *wrong = config_peer_name_parse(wanted, &name);
    *names = (struct config_peer_names){.items = NULL};
    if (!wrong)
        cr_assert(config_peer_names_copy(&(struct config_peer_names){&name, 1}, names));
    free(name.text);
    return wrong;
}

static bool matches(const char *wanted, const struct test_identity_options *options,
                    struct error_text *error)
{
    struct config_peer_names names;
    struct test_identity *shown = test_identity_new(options);
    const char *wrong = read_one(wanted, &names);
    cr_assert(!wrong, "%s: %s", wanted, wrong);
    bool result = peer_names_match(&names, shown->certificate, error);
    config_peer_names_free(&names);
    test_identity_free(shown);
    return result;
}

static const struct row {
    const char *wanted, *shown;
    bool matches;
} rows[] = {
    /* Plain names: equal, ASCII case ignored. */
    {"a.example", "DNS:a.example", true},
    {"A.Example", "DNS:a.eXAMPLE", true},
    {"a.example", "DNS:b.example,DNS:a.example", true},
    {"localhost", "DNS:localhost", true},
    {"a.example", "DNS:aa.example", false},
    {"a.example", "DNS:a.example.org", false},
    {"a.example", "DNS:a.exampl", false},
    {"a.example", "DNS:example", false},
    {"a.example", "DNS:.example", false},
    {"a.example", "DNS:a.example.", false},
    {"a.example", "DNS:b.a.example", false},
    {"k.example", "DNS:K.example", true},
    /* A wildcard in the certificate: the whole leftmost label, for one label. */
    {"a.b.example", "DNS:*.b.example", true},
    {"a.b.example", "DNS:*.B.EXAMPLE", true},
    {"xn--bcher-kva.b.example", "DNS:*.b.example", true},
    {"b.example", "DNS:*.b.example", false},
    {"x.a.b.example", "DNS:*.b.example", false},
    {"a.b.example", "DNS:a.*.example", false},
    {"a.b.example", "DNS:*.*.example", false},
    {"a.b.example", "DNS:*a.b.example", false},
    {"aa.b.example", "DNS:a*.b.example", false},
    {"a.b.example", "DNS:**.b.example", false},
    {"a.b.example", "DNS:*.c.example", false},
    {"a.b.example", "DNS:*", false},
    {"a.b.example", "DNS:*.", false},
    /* "*" with one label behind it would be a whole top-level domain. */
    {"b.example", "DNS:*.example", false},
    /* A wildcard in the configuration: any peer of one label there. */
    {"*.b.example", "DNS:a.b.example", true},
    {"*.b.example", "DNS:A.B.Example", true},
    {"*.b.example", "DNS:x_1-y.b.example", true},
    {"*.b.example", "DNS:*.b.example", true},
    {"*.example", "DNS:a.example", true},
    {"*.b.example", "DNS:b.example", false},
    {"*.b.example", "DNS:x.a.b.example", false},
    {"*.b.example", "DNS:.b.example", false},
    {"*.b.example", "DNS:a*.b.example", false},
    {"*.b.example", "DNS:a.c.example", false},
    {"*.b.example", "DNS:ab.example", false},
    {"*.b.example", "DNS:*.example", false},
    {"*.b.example", "DNS:a b.b.example", false},
    {"*.b.example", "DNS:a/b.b.example", false},
    {"*.b.example", "DNS:*.a.b.example", false},
    {"*.b.example", "URI:a.b.example", false},
    {"*.b.example", "email:a.b.example", false},
    {"*.a.b.example", "DNS:*.b.example", false},
    /* Addresses, by their bytes and by no other kind of name. */
    {"192.0.2.1", "IP:192.0.2.1", true},
    {"192.0.2.1", "IP:192.0.2.2", false},
    {"192.0.2.1", "IP:c000:201::", false},
    {"c000:201::", "IP:192.0.2.1", false},
    {"192.0.2.1", "DNS:192.0.2.1", false},
    {"192.0.2.1", "DNS:*.0.2.1", false},
    {"192.0.2.1", "URI:https://192.0.2.1", false},
    {"2001:db8::1", "IP:2001:db8:0:0:0:0:0:1", true},
    {"2001:DB8::1", "IP:2001:db8::1", true},
    {"2001:db8::1", "IP:2001:db8::2", false},
    {"::ffff:192.0.2.1", "IP:192.0.2.1", false},
    {"192.0.2.1", "IP:::ffff:192.0.2.1", false},
    {"a.example", "IP:192.0.2.1", false},
    /* URIs, byte by byte. */
    {"uri:spiffe://x/y", "URI:spiffe://x/y", true},
    {"uri:spiffe://x/y", "URI:spiffe://X/y", false},
    {"uri:spiffe://x/y", "URI:spiffe://x/y/", false},
    {"uri:spiffe://x/y", "URI:spiffe://x/", false},
    {"uri:spiffe://x/y", "DNS:spiffe://x/y", false},
    {"uri:spiffe://x/y", "URI:uri:spiffe://x/y", false},
    {"uri:urn:dev:ops:1", "URI:urn:dev:ops:1", true},
    {"x", "URI:spiffe://x/y", false},
    /* With the kind before it: that kind and no other. */
    {"dns:a.example", "DNS:A.example", true},
    {"dns:*.example", "DNS:a.example", true},
    {"dns:a.example", "URI:a.example", false},
    {"ip:192.0.2.1", "IP:192.0.2.1", true},
    {"ip:2001:db8::1", "IP:2001:db8::1", true},
    {"ip:192.0.2.1", "DNS:192.0.2.1", false},
    {"email:me@a.example", "email:me@a.example", true},
    {"email:me@a.example", "email:me@A.EXAMPLE", true},
    {"email:me@a.example", "email:Me@a.example", false},
    {"email:me@a.example", "email:me@b.example", false},
    {"email:me@a.example", "email:you@a.example", false},
    {"email:me@a.example", "email:me@a.example.org", false},
    {"email:me@a.example", "email:xme@a.example", false},
    {"email:me@a.example", "email:a.example", false},
    {"email:me@a.example", "email:me", false},
    {"email:me@a.example", "DNS:me@a.example", false},
    {"email:me@a.example", "URI:me@a.example", false},
    {"dns:a.example", "email:a.example", false},
    /* The common name of each of these is what was wanted, "cn:" and all. */
    {"cn:a.example", "DNS:a.example", false},
    {"cn:a.example", "email:a.example", false},
    /* Other kinds are no names of peers. */
    {"a.example", "email:user@a.example", false},
    {"a.example", "email:a.example", false},
    {"a.example", "otherName:1.2.3.4;UTF8:a.example", false},
    {"a.example", "email:copy@b.example,otherName:1.2.3.4;UTF8:z,DNS:a.example", true},
};

Test(peer_names, table)
{
    struct error_text error = {.text = ""};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        bool result = matches(rows[i].wanted,
                              &(struct test_identity_options){.same_key = signer(),
                                                              .common_name = rows[i].wanted,
                                                              .names = rows[i].shown},
                              &error);
        cr_assert_eq(result, rows[i].matches, "wanted %s, shown %s: %d", rows[i].wanted,
                     rows[i].shown, result);
    }
    test_identity_free(signer());
}

Test(peer_names, common_name_does_not_count)
{
    struct error_text error = {.text = ""};
    cr_assert_not(
        matches("a.example", &(struct test_identity_options){.common_name = "a.example"}, &error));
    cr_assert_str_eq(error.text,
                     "it has no subjectAltName, and its common name does not count as a name");
}

Test(peer_names, common_name_counts_where_it_is_asked_for)
{
    static const struct {
        const char *wanted, *shown, *names, *text; /* text: "" where it matches */
    } rows_cn[] = {
        {"cn:Some Device", "Some Device", NULL, ""},
        {"cn:Some Device", "Some Device", "DNS:a.example", ""},
        {"cn:some device", "Some Device", NULL,
         "its common name is none of peer_names, and it has no subjectAltName"},
        {"cn:Some Devic", "Some Device", NULL,
         "its common name is none of peer_names, and it has no subjectAltName"},
        {"cn:Some Device", "Some Devic", "DNS:a.example",
         "it carries none of peer_names, but DNS:a.example"},
        {"cn:*.example", "a.example", NULL,
         "its common name is none of peer_names, and it has no subjectAltName"},
        {"dns:a.example", "a.example", NULL,
         "it has no subjectAltName, and its common name does not count as a name"},
        {"email:a@b.example", "a@b.example", NULL,
         "it has no subjectAltName, and its common name does not count as a name"},
    };
    for (size_t i = 0; i < sizeof(rows_cn) / sizeof(*rows_cn); i++) {
        struct error_text error = {.text = ""};
        bool result = matches(rows_cn[i].wanted,
                              &(struct test_identity_options){.same_key = signer(),
                                                              .common_name = rows_cn[i].shown,
                                                              .names = rows_cn[i].names},
                              &error);
        cr_assert_eq(result, !*rows_cn[i].text, "wanted %s, shown %s", rows_cn[i].wanted,
                     rows_cn[i].shown);
        cr_assert_str_eq(error.text, rows_cn[i].text);
    }
    test_identity_free(signer());
}

/* A certificate whose subject has these common names, nobody's and unsigned: names need no more. */
static X509 *with_common_names(int type, const void *one, int one_size, const char *other)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_NAME_new();
    cr_assert_eq(X509_NAME_add_entry_by_NID(subject, NID_commonName, type, one, one_size, -1, 0),
                 1);
    if (other)
        cr_assert_eq(X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                                (const unsigned char *)other, -1, -1, 0),
                     1);
    cr_assert_eq(X509_set_subject_name(certificate, subject), 1);
    X509_NAME_free(subject);
    return certificate;
}

Test(peer_names, common_names_that_do_not_count)
{
    static const struct {
        const char *name;
        int type;
        const char *one;
        int one_size;
        const char *other, *text; /* text: "" where it matches */
    } rows_cn[] = {
        {"plain", MBSTRING_UTF8, "a", 1, NULL, ""},
        {"wide", V_ASN1_BMPSTRING, "\0a", 2, NULL, ""},
        {"NUL behind", V_ASN1_UTF8STRING, "a\0b", 3, NULL, "its common name holds a NUL byte"},
        {"NUL at the end", V_ASN1_UTF8STRING, "a\0", 2, NULL, "its common name holds a NUL byte"},
        {"wide NUL", V_ASN1_BMPSTRING, "\0a\0\0", 4, NULL, "its common name holds a NUL byte"},
        {"another behind", MBSTRING_UTF8, "a", 1, "b",
         "its common name is none of peer_names, and it has no subjectAltName"},
        {"another before", MBSTRING_UTF8, "b", 1, "a",
         "its common name is none of peer_names, and it has no subjectAltName"},
        {"twice", MBSTRING_UTF8, "a", 1, "a",
         "its common name is none of peer_names, and it has no subjectAltName"},
    };
    for (size_t i = 0; i < sizeof(rows_cn) / sizeof(*rows_cn); i++) {
        struct error_text error = {.text = ""};
        struct config_peer_names names;
        X509 *shown = with_common_names(rows_cn[i].type, rows_cn[i].one, rows_cn[i].one_size,
                                        rows_cn[i].other);
        cr_assert_null(read_one("cn:a", &names));
        cr_assert_eq(peer_names_match(&names, shown, &error), !*rows_cn[i].text, "%s",
                     rows_cn[i].name);
        cr_assert_str_eq(error.text, rows_cn[i].text, "%s: %s", rows_cn[i].name, error.text);
        config_peer_names_free(&names);
        X509_free(shown);
    }
}

Test(peer_names, only_dns)
{
    static const struct {
        const char *items[2], *name;
    } rows_dns[] = {{{"a.example", NULL}, "a.example"}, {{"dns:a.example", NULL}, "a.example"},
                    {{"*.a.example", NULL}, NULL},      {{"dns:*.a.example", NULL}, NULL},
                    {{"ip:192.0.2.1", NULL}, NULL},     {{"cn:a.example", NULL}, NULL},
                    {{"a.example", "cn:b"}, NULL}};
    for (size_t i = 0; i < sizeof(rows_dns) / sizeof(*rows_dns); i++) {
        struct config_peer_name items[2] = {{.text = NULL}};
        size_t count = 0;
        for (; count < 2 && rows_dns[i].items[count]; count++)
            cr_assert_null(config_peer_name_parse(rows_dns[i].items[count], &items[count]));
        const char *name = peer_names_only_dns(&(struct config_peer_names){items, count});
        cr_assert_eq(!!name, !!rows_dns[i].name, "%s", rows_dns[i].items[0]);
        if (name)
            cr_assert_str_eq(name, rows_dns[i].name);
        free(items[0].text);
        free(items[1].text);
    }
    cr_assert_null(peer_names_only_dns(&(struct config_peer_names){NULL, 0}));
}

Test(peer_names, nul_in_a_name_spoils_the_certificate)
{
    static const struct {
        const char *bytes;
        size_t size;
    } shown[] = {{"a.example\0.evil.example", 23},
                 {"a.example\0", 10},
                 {"\0a.example", 10},
                 {"\0", 1},
                 {"evil\0.example", 13}};
    struct error_text error = {.text = ""};
    for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++) {
        error.text[0] = '\0';
        bool result = matches("a.example",
                              &(struct test_identity_options){.names = "DNS:a.example",
                                                              .raw_dns = shown[i].bytes,
                                                              .raw_dns_size = shown[i].size},
                              &error);
        cr_assert_not(result, "row %zu matches", i);
        cr_assert_str_eq(error.text, "a name in its subjectAltName holds a NUL byte");
    }
}

Test(peer_names, lengths_are_the_certificates)
{
    struct error_text error = {.text = ""};
    const struct test_identity_options empty = {.raw_dns = "", .raw_dns_size = 0};
    cr_assert_not(matches("a.example", &empty, &error));
    cr_assert_not(matches("*.example", &empty, &error));
    const struct test_identity_options high = {.raw_dns = "\xff\x80.example", .raw_dns_size = 10};
    cr_assert_not(matches("*.example", &high, &error));
}

Test(peer_names, one_of_several_is_enough)
{
    char *items[] = {"b.example", "192.0.2.7", "uri:urn:x:y", "*.c.example"};
    static const char *const shown[] = {"DNS:b.example", "IP:192.0.2.7", "URI:urn:x:y",
                                        "DNS:q.c.example"};
    struct config_peer_names names;
    struct error_text error = {.text = ""};
    struct config_peer_name parsed[4];
    for (size_t i = 0; i < 4; i++)
        cr_assert_null(config_peer_name_parse(items[i], &parsed[i]));
    cr_assert(config_peer_names_copy(&(struct config_peer_names){parsed, 4}, &names));
    for (size_t i = 0; i < 4; i++)
        free(parsed[i].text);
    for (size_t i = 0; i < 4; i++) {
        struct test_identity *identity =
            test_identity_new(&(struct test_identity_options){.names = shown[i]});
        cr_assert(peer_names_match(&names, identity->certificate, &error), "%s", shown[i]);
        test_identity_free(identity);
    }
    config_peer_names_free(&names);
    cr_assert_eq(names.count, 0);
}

Test(peer_names, refusal_shows_the_names_on_one_line)
{
    struct error_text error = {.text = ""};
    cr_assert_not(matches("a.example",
                          &(struct test_identity_options){.names = "DNS:b.example,IP:192.0.2.1",
                                                          .raw_dns = "c\n\r\x1b[1m",
                                                          .raw_dns_size = 7},
                          &error));
    cr_assert_str_eq(error.text, "it carries none of peer_names, but DNS:b.example, IP "
                                 "Address:192.0.2.1, DNS:c...[1m");
}

Test(peer_names, refusal_of_many_long_names_is_cut)
{
    static const char another[] =
        ",DNS:a-label-of-some-length.another-label-of-some-length.example";
    char names[4096] = "DNS:first.example";
    struct error_text error = {.text = ""};
    size_t size = strlen(names);
    for (int i = 0; i < 40; i++, size += sizeof(another) - 1)
        memcpy(names + size, another, sizeof(another));
    cr_assert_not(matches("a.example", &(struct test_identity_options){.names = names}, &error));
    cr_assert(strstr(error.text, "DNS:first.example") && strstr(error.text, " and more"));
}

Test(peer_names, refuses_what_is_no_name)
{
    static const char *const wrong[] = {"",
                                        ".",
                                        "a..b",
                                        ".a",
                                        "a.",
                                        "*",
                                        "*.",
                                        "*.*.a",
                                        "a.*.b",
                                        "a*.b",
                                        "*a.b",
                                        "-a.b",
                                        "a-.b",
                                        "a b",
                                        "a/b",
                                        "300.1.1.1",
                                        "1.2.3",
                                        "*.1.2.3.4",
                                        "[::1]",
                                        "::1%lo",
                                        "uri:",
                                        "uri:none",
                                        "b\303\274cher.example",
                                        "a.example:443",
                                        "dns:",
                                        "dns:192.0.2.1",
                                        "dns:cn:a",
                                        "ip:",
                                        "ip:a.example",
                                        "ip:192.0.2",
                                        "email:",
                                        "email:a.example",
                                        "email:@a.example",
                                        "email:me@",
                                        "email:me@192.0.2.1",
                                        "cn:",
                                        "oid:1.2.3"};
    struct config_peer_names names;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        cr_assert(!!read_one(wrong[i], &names), "\"%s\" was read", wrong[i]);
        cr_assert_null(names.items);
    }
}

/* How a name that is refused leaves the list of a configuration: see test_settings_same.c. */

static bool is_dns(const char *text)
{
    struct config_peer_name name;
    const char *wrong = config_peer_name_parse(text, &name);
    free(name.text);
    return !wrong;
}

Test(peer_names, lengths_of_dns_names)
{
    char label[65], name[256];
    memset(label, 'a', 64);
    label[64] = '\0';
    cr_assert_not(is_dns(label));
    label[63] = '\0';
    cr_assert(is_dns(label));
    memset(name, 'a', 255); /* four labels of 63 letters */
    name[63] = name[127] = name[191] = '.';
    name[255] = '\0';
    cr_assert_not(is_dns(name), "255 characters");
    name[253] = '\0';
    cr_assert(is_dns(name), "253 characters");
}

/* ---- As text ------------------------------------------------------------------------------- */

static void must_read(const struct test_identity *shown, const char *const *wanted)
{
    char text[300];
    unsigned index = 0;
    for (; wanted[index]; index++) {
        int64_t length = (int64_t)strlen(wanted[index]);
        memset(text, 'x', sizeof(text));
        cr_assert_eq(peer_names_text(shown->certificate, index, text, (size_t)length), length);
        cr_assert_eq(text[0], 'x', "a copy that does not fit");
        cr_assert_eq(peer_names_text(shown->certificate, index, text, sizeof(text)), length);
        cr_assert_str_eq(text, wanted[index]);
    }
    cr_assert_eq(peer_names_text(shown->certificate, index, text, sizeof(text)), 0);
    cr_assert_eq(peer_names_text(shown->certificate, UINT32_MAX, text, sizeof(text)), 0);
    cr_assert_eq(ERR_peek_error(), 0);
}

Test(peer_names, as_text)
{
    static const char *const all[] = {
        "dns:A.example", "ip:192.0.2.1",      "dns:*.b.example", "ip:2001:db8::1",
        "uri:urn:x",     "email:a@b.example", "cn:dev 7",        NULL};
    static const char *const alone[] = {"cn:test", NULL};
    static const char *const none[] = {NULL};
    struct test_identity *shown = test_identity_new(&(struct test_identity_options){
        .common_name = "dev 7",
        .names = "DNS:A.example,IP:192.0.2.1,RID:1.2.3,DNS:*.b.example,IP:2001:db8::1,URI:urn:x,"
                 "email:a@b.example"});
    must_read(shown, all);
    test_identity_free(shown);
    shown = test_identity_new(&(struct test_identity_options){.common_name = NULL});
    must_read(shown, alone);
    test_identity_free(shown);
    shown = test_identity_new(&(struct test_identity_options){
        .names = "DNS:a.example", .raw_dns = "b.example\0.evil", .raw_dns_size = 15});
    must_read(shown, none);
    test_identity_free(shown);
}
