/* An identity that never touches a file: a key and a self-signed certificate made at start.
 *
 *     memory_identity NAME
 *
 * It listens on a free port of 127.0.0.1 and prints its certificate, so that others can trust it.
 * As TLS server, one connection after the other, it sends each client a greeting. A program that
 * gets its key from a vault or a hardware module hands it over in the same way. */
#include "common/loopback.h"

#include <actpass.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PEM_SIZE = 4096, VALID_S = 24 * 3600 };

struct identity {
    char certificate[PEM_SIZE], key[PEM_SIZE]; /* PEM texts */
};

/* ---- A certificate, by OpenSSL --------------------------------------------------------------- */

static int add_alternative_name(X509 *certificate, const char *name)
{
    char value[300];
    int length = snprintf(value, sizeof(value), "DNS:%s", name);
    X509_EXTENSION *extension = length < (int)sizeof(value)
                                    ? X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, value)
                                    : NULL;
    int added = extension && X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return added;
}

/* Subject and issuer are the same, and so is the key: the certificate is its own trust anchor. */
static int fill_in(X509 *certificate, EVP_PKEY *key, const char *name)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    uint32_t serial;
    return RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1 &&
           X509_set_version(certificate, X509_VERSION_3) &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -60) &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_S) &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1,
                                      -1, 0) &&
           X509_set_issuer_name(certificate, subject) && X509_set_pubkey(certificate, key) &&
           add_alternative_name(certificate, name) && X509_sign(certificate, key, EVP_sha256());
}

/* Moves what was written to OUT to TEXT, with a NUL. */
static int take_text(BIO *out, char text[PEM_SIZE])
{
    int length = BIO_read(out, text, PEM_SIZE - 1);
    if (length <= 0 || BIO_pending(out) > 0)
        return 0;
    text[length] = '\0';
    return 1;
}

static int make_identity(struct identity *identity, const char *name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    BIO *out = BIO_new(BIO_s_secmem()); /* is erased when it is freed */
    int made = key && certificate && out && fill_in(certificate, key, name) &&
               PEM_write_bio_X509(out, certificate) && take_text(out, identity->certificate) &&
               PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) &&
               take_text(out, identity->key);
    BIO_free(out);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return made;
}

/* ---- The server ---------------------------------------------------------------------------- */

static actpass_config *configure(const struct identity *identity)
{
    actpass_config *config = actpass_config_new();
    if (config && actpass_config_set_role(config, ACTPASS_ROLE_SERVER) == 0 &&
        actpass_config_set_identity_pem(config, identity->certificate, identity->key) == 0 &&
        actpass_config_check(config) == 0)
        return config;
    fprintf(stderr, "memory_identity: %s\n",
            config ? actpass_config_error(config) : "out of memory");
    actpass_config_free(config);
    return NULL;
}

static void greet(actpass_conn *conn)
{
    static const char text[] = "My key was never in a file.\n";
    if (actpass_handshake(conn) == 0)
        (void)actpass_write(conn, text, sizeof(text) - 1); /* actpass_close reports a failure */
    actpass_end end = actpass_close(conn);
    printf("%s %s\n", actpass_end_name(end), actpass_error(conn));
    actpass_free(conn);
}

/* Returns only if memory runs out. */
static void serve(actpass_config *config, int listener)
{
    actpass_conn *conn = actpass_accept_fd(config, loopback_accept(listener));
    while (conn) {
        greet(conn);
        conn = actpass_accept_fd(config, loopback_accept(listener));
    }
    fprintf(stderr, "memory_identity: %s\n", actpass_config_error(config));
}

int main(int argc, char **argv)
{
    struct identity identity;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 2) {
        fprintf(stderr, "usage: memory_identity NAME\n");
        return 2;
    }
    if (!make_identity(&identity, argv[1])) {
        fprintf(stderr, "memory_identity: cannot make a certificate for %s: is it a DNS name?\n",
                argv[1]);
        return 2;
    }
    actpass_config *config = configure(&identity);
    OPENSSL_cleanse(identity.key, sizeof(identity.key)); /* the configuration has a copy */
    int listener = config ? loopback_listen(0) : -1;
    if (listener >= 0) {
        printf("%s", identity.certificate);
        serve(config, listener);
        close(listener);
    }
    actpass_config_free(config);
    return 2;
}
