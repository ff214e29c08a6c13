#include "server/lib/tls/subject.h"

#include <openssl/bio.h>
#include <string.h>

char *subject_text(const X509 *certificate)
{
    char *bytes = NULL;
    char *text = NULL;
    BIO *memory = BIO_new(BIO_s_mem());
    if (memory &&
        X509_NAME_print_ex(memory, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0) {
        long length = BIO_get_mem_data(memory, &bytes);
        text = strndup(bytes, (size_t)length);
    }
    BIO_free(memory);
    return text;
}
