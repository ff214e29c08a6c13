#include "server/lib/tls/own_names.h"

#include "config/internal.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* NULL: it is none; *FAILED: no memory. */
static char *text_of(const GENERAL_NAME *name, bool *failed)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    if (type != GEN_DNS)
        return NULL;
    const char *bytes = (const char *)ASN1_STRING_get0_data(value);
    char *text = strndup(bytes, (size_t)ASN1_STRING_length(value));
    *failed = !text;
    if (text && strlen(text) == (size_t)ASN1_STRING_length(value) && !names_wrong_offered(text))
        return text;
    free(text);
    return NULL;
}

bool own_names_add(const X509 *certificate, struct config_strings *names)
{
    bool failed = false;
    (void)ERR_set_mark();
    GENERAL_NAMES *all = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(all) && !failed; i++) {
        char *text = text_of(sk_GENERAL_NAME_value(all, i), &failed);
        if (text && !config_strings_insert(names, names->count, text)) {
            free(text);
            failed = true;
        }
    }
    GENERAL_NAMES_free(all);
    (void)ERR_pop_to_mark();
    return !failed;
}
