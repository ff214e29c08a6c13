#include "server/lib/ocsp/question.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

static bool add_digest(EVP_MD_CTX *context, const X509 *certificate)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    return X509_digest(certificate, EVP_sha256(), digest, &size) == 1 &&
           EVP_DigestUpdate(context, digest, size) == 1;
}

bool ocsp_question_key(const struct ocsp_source *source, const X509 *certificate,
                       uint8_t key[OCSP_KEY_SIZE])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool made = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                add_digest(context, certificate) &&
                (!source->responder ||
                 EVP_DigestUpdate(context, source->responder, strlen(source->responder)) == 1) &&
                EVP_DigestFinal_ex(context, key, NULL) == 1;
    EVP_MD_CTX_free(context);
    return made;
}

struct ocsp_question *ocsp_question_new(struct ocsp_source *source, X509 *certificate, X509 *issuer,
                                        struct error_text *error)
{
    struct ocsp_question *question = calloc(1, sizeof(*question));
    if (!question || !ocsp_question_key(source, certificate, question->key)) {
        free(question);
        error_set(error, "out of memory for OCSP");
        return NULL;
    }
    if (!ocsp_source_url(source, certificate, &question->url)) {
        free(question);
        error_set(error, "the certificate names no OCSP responder that is reached over HTTP: set "
                         "responder");
        return NULL;
    }
    X509_up_ref(certificate);
    X509_up_ref(issuer);
    question->certificate = certificate;
    question->issuer = issuer;
    question->source = ocsp_source_hold(source);
    return question;
}

void ocsp_question_free(struct ocsp_question *question)
{
    if (!question)
        return;
    X509_free(question->certificate);
    X509_free(question->issuer);
    ocsp_source_release(question->source);
    config_http_url_free(&question->url);
    free(question);
}
