/* Certificates, keys and their files for tests. */
#include "tests/support/certs.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HOUR_S = 3600, DAY_S = 24 * HOUR_S };

/* A test without its certificates proves nothing, so the program ends. */
static void must(bool fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "tests/support/certs.c: cannot make %s\n", what);
    ERR_print_errors_fp(stderr);
    abort();
}

/* ---- One certificate ------------------------------------------------------------------------ */

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    must(extension && X509_add_ext(certificate, extension, -1), value);
    X509_EXTENSION_free(extension);
}

static void add_raw_dns(X509 *certificate, const char *bytes, size_t size)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    if (!names)
        names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *value = ASN1_IA5STRING_new();
    must(names && name && value && ASN1_STRING_set(value, bytes, (int)size), "a dNSName");
    GENERAL_NAME_set0_value(name, GEN_DNS, value);
    must(sk_GENERAL_NAME_push(names, name) > 0 &&
             X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_REPLACE) ==
                 1,
         "a subjectAltName");
    GENERAL_NAMES_free(names);
}

static void add_extensions(X509 *certificate, X509 *issuer,
                           const struct test_identity_options *options)
{
    add_extension(certificate, issuer, NID_basic_constraints,
                  options->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (options->ca)
        add_extension(certificate, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
    if (options->names)
        add_extension(certificate, issuer, NID_subject_alt_name, options->names);
    if (options->raw_dns)
        add_raw_dns(certificate, options->raw_dns, options->raw_dns_size);
    if (options->usage)
        add_extension(certificate, issuer, NID_ext_key_usage, options->usage);
    if (options->constraints)
        add_extension(certificate, issuer, NID_name_constraints, options->constraints);
}

static void set_names(X509 *certificate, X509 *issuer, const char *common_name)
{
    X509_NAME *subject = X509_NAME_new();
    must(subject &&
             X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                        (const unsigned char *)common_name, -1, -1, 0) &&
             X509_set_subject_name(certificate, subject),
         "a subject");
    X509_NAME_free(subject);
    must(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)), "an issuer");
}

static void set_serial(X509 *certificate)
{
    unsigned char bytes[8];
    must(RAND_bytes(bytes, sizeof(bytes)) == 1, "a serial number");
    uint64_t number = 0;
    for (size_t i = 0; i < sizeof(bytes); i++)
        number = number << 8 | bytes[i];
    must(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), number), "a serial number");
}

static void set_validity(X509 *certificate, const struct test_identity_options *options)
{
    bool usual = options->from_s == 0 && options->until_s == 0;
    long from_s = usual ? -HOUR_S : options->from_s;
    long until_s = usual ? DAY_S : options->until_s;
    must(X509_gmtime_adj(X509_getm_notBefore(certificate), from_s) &&
             X509_gmtime_adj(X509_getm_notAfter(certificate), until_s),
         "a validity");
}

static EVP_PKEY *make_key(const struct test_identity *same_key)
{
    EVP_PKEY *key = same_key ? same_key->key : EVP_EC_gen("P-256");
    must(key && (!same_key || EVP_PKEY_up_ref(key)), "a key");
    return key;
}

static void append(STACK_OF(X509) * chain, X509 *certificate)
{
    must(X509_add_cert(chain, certificate, X509_ADD_FLAG_UP_REF), "a chain");
}

static void set_chain(struct test_identity *identity, const struct test_identity *issuer)
{
    identity->chain = sk_X509_new_null();
    must(identity->chain, "a chain");
    if (!issuer || X509_self_signed(issuer->certificate, 1) == 1)
        return;
    append(identity->chain, issuer->certificate);
    for (int i = 0; i < sk_X509_num(issuer->chain); i++)
        append(identity->chain, sk_X509_value(issuer->chain, i));
}

struct test_identity *test_identity_new(const struct test_identity_options *options)
{
    struct test_identity *identity = calloc(1, sizeof(*identity));
    must(identity, "an identity");
    X509 *certificate = identity->certificate = X509_new();
    must(certificate, "a certificate");
    identity->key = make_key(options->same_key);
    X509 *issuer = options->issuer ? options->issuer->certificate : certificate;
    EVP_PKEY *signer = options->issuer ? options->issuer->key : identity->key;

    must(X509_set_version(certificate, X509_VERSION_3), "a certificate");
    must(X509_set_pubkey(certificate, identity->key), "a certificate");
    set_serial(certificate);
    set_names(certificate, issuer, options->common_name ? options->common_name : "test");
    set_validity(certificate, options);
    add_extensions(certificate, issuer, options);
    must(X509_sign(certificate, signer, EVP_sha256()), "a signature");
    set_chain(identity, options->issuer);
    return identity;
}

void test_identity_free(struct test_identity *identity)
{
    if (!identity)
        return;
    sk_X509_pop_free(identity->chain, X509_free);
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
    free(identity);
}

struct test_identity *test_ca_new(const char *common_name)
{
    return test_identity_new(
        &(struct test_identity_options){.common_name = common_name, .ca = true});
}

struct test_identity *test_leaf_new(const struct test_identity *issuer, const char *names)
{
    return test_identity_new(&(struct test_identity_options){.issuer = issuer, .names = names});
}

struct config_peer_name test_peer_name(const char *text)
{
    struct config_peer_name name = {.text = NULL};
    if (!text || !*text)
        return name;
    if (config_peer_name_parse(text, &name))
        abort();
    size_t size = strlen(name.text);
    free(name.text);
    name.text = (char *)text + strlen(text) - size;
    return name;
}

struct config_pin test_pin(const char *text)
{
    struct config_pin pin = {{0}};
    if (text && config_pin_parse(text, &pin))
        abort();
    return pin;
}

/* RFC 7469 section 2.4, independent of the code under test. */
char *test_identity_pin(const struct test_identity *identity, char *buffer)
{
    unsigned char *der = NULL;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    int size = i2d_PUBKEY(identity->key, &der);
    must(size > 0 && EVP_Digest(der, (size_t)size, digest, &length, EVP_sha256(), NULL), "a pin");
    OPENSSL_free(der);
    char *at = buffer + sprintf(buffer, "sha256:");
    for (unsigned i = 0; i < length; i++)
        at += sprintf(at, "%02x", digest[i]);
    return buffer;
}

/* ---- Files ---------------------------------------------------------------------------------- */

struct test_folder {
    char *path;
    char **files;
    size_t count;
};

struct test_folder *test_folder_new(void)
{
    const char *below = getenv("TMPDIR");
    struct test_folder *folder = calloc(1, sizeof(*folder));
    must(folder && asprintf(&folder->path, "%s/actpass-test-XXXXXX", below ? below : "/tmp") > 0 &&
             mkdtemp(folder->path),
         "a folder");
    return folder;
}

void test_folder_free(struct test_folder *folder)
{
    if (!folder)
        return;
    for (size_t i = 0; i < folder->count; i++) {
        (void)unlink(folder->files[i]); /* it may never have been written */
        free(folder->files[i]);
    }
    (void)rmdir(folder->path);
    free(folder->files);
    free(folder->path);
    free(folder);
}

const char *test_folder_path(struct test_folder *folder, const char *name)
{
    char *path = NULL;
    must(asprintf(&path, "%s/%s", folder->path, name) > 0, "a path");
    char **files = realloc(folder->files, (folder->count + 1) * sizeof(*files));
    must(files, "a list of files");
    folder->files = files;
    return folder->files[folder->count++] = path;
}

/* An empty file with mode 0600. */
static FILE *open_file(const char *path)
{
    FILE *file = fopen(path, "we");
    must(file && fchmod(fileno(file), S_IRUSR | S_IWUSR) == 0, path);
    return file;
}

const char *test_write_text(struct test_folder *folder, const char *name, const char *text)
{
    const char *path = test_folder_path(folder, name);
    FILE *file = open_file(path);
    bool written = fputs(text, file) >= 0;
    must(fclose(file) == 0 && written, path);
    return path;
}

const char *test_write_certificate(struct test_folder *folder, const char *name,
                                   const struct test_identity *identity)
{
    const char *path = test_folder_path(folder, name);
    FILE *file = open_file(path);
    bool written = PEM_write_X509(file, identity->certificate) == 1;
    for (int i = 0; i < sk_X509_num(identity->chain); i++)
        written = written && PEM_write_X509(file, sk_X509_value(identity->chain, i)) == 1;
    must(fclose(file) == 0 && written, path);
    return path;
}

const char *test_write_key(struct test_folder *folder, const char *name,
                           const struct test_identity *identity, const char *passphrase)
{
    const char *path = test_folder_path(folder, name);
    FILE *file = open_file(path);
    bool written = PEM_write_PKCS8PrivateKey(
                       file, identity->key, passphrase ? EVP_aes_128_cbc() : NULL, passphrase,
                       passphrase ? (int)strlen(passphrase) : 0, NULL, NULL) == 1;
    must(fclose(file) == 0 && written, path);
    return path;
}

static void add_revoked(X509_CRL *list, const struct test_identity *identity)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    must(entry &&
             X509_REVOKED_set_serialNumber(
                 entry, (ASN1_INTEGER *)X509_get0_serialNumber(identity->certificate)) == 1 &&
             X509_REVOKED_set_revocationDate(entry, (ASN1_TIME *)X509_CRL_get0_lastUpdate(list)) ==
                 1 &&
             X509_CRL_add0_revoked(list, entry) == 1,
         "a revocation");
}

static X509_CRL *make_crl(const struct test_crl *wanted)
{
    bool usual = wanted->from_s == 0 && wanted->until_s == 0;
    X509_CRL *list = X509_CRL_new();
    ASN1_TIME *from = X509_gmtime_adj(NULL, usual ? -HOUR_S : wanted->from_s);
    ASN1_TIME *until = X509_gmtime_adj(NULL, usual ? DAY_S : wanted->until_s);
    must(list && from && until && X509_CRL_set_version(list, X509_CRL_VERSION_2) == 1 &&
             X509_CRL_set_issuer_name(list, X509_get_subject_name(wanted->issuer->certificate)) ==
                 1 &&
             X509_CRL_set1_lastUpdate(list, from) == 1 &&
             X509_CRL_set1_nextUpdate(list, until) == 1,
         "a revocation list");
    for (size_t i = 0; i < 3 && wanted->revoked[i]; i++)
        add_revoked(list, wanted->revoked[i]);
    must(X509_CRL_sort(list) == 1 && X509_CRL_sign(list, wanted->issuer->key, EVP_sha256()) > 0,
         "a revocation list");
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return list;
}

const char *test_write_crls(struct test_folder *folder, const char *name,
                            const struct test_crl *lists, size_t count)
{
    const char *path = test_folder_path(folder, name);
    FILE *file = open_file(path);
    bool written = true;
    for (size_t i = 0; i < count; i++) {
        X509_CRL *list = make_crl(&lists[i]);
        written = written && PEM_write_X509_CRL(file, list) == 1;
        X509_CRL_free(list);
    }
    must(fclose(file) == 0 && written, path);
    return path;
}

/* ---- Two ends ------------------------------------------------------------------------------- */

static void make_end(struct test_pair *pair, int which, const struct test_identity *ca)
{
    static const char *const certificates[] = {"left.pem", "right.pem"};
    static const char *const keys[] = {"left.key", "right.key"};
    static const char *const alternatives[] = {"DNS:left.example,IP:127.0.0.1",
                                               "DNS:right.example,IP:127.0.0.1"};
    static const char *const names[] = {"left.example", "right.example"};
    struct test_end *end = &pair->ends[which];
    struct test_identity *identity = test_leaf_new(ca, alternatives[which]);
    end->name = names[which];
    end->certificate = test_write_certificate(pair->folder, certificates[which], identity);
    end->key = test_write_key(pair->folder, keys[which], identity, NULL);
    test_identity_pin(identity, end->pin);
    test_identity_free(identity);
}

struct test_pair *test_pair_new(void)
{
    struct test_pair *pair = calloc(1, sizeof(*pair));
    must(pair, "a pair");
    pair->folder = test_folder_new();
    struct test_identity *ca = test_ca_new("Test CA");
    pair->ca = test_write_certificate(pair->folder, "ca.pem", ca);
    make_end(pair, 0, ca);
    make_end(pair, 1, ca);
    pair->authority = ca;
    return pair;
}

void test_pair_free(struct test_pair *pair)
{
    if (!pair)
        return;
    test_folder_free(pair->folder);
    test_identity_free(pair->authority);
    free(pair);
}
