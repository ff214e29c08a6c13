/* actpass_config: what was loaded. */
#include "server/lib/settings.h"
#include "server/lib/tls/subject.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm parts = {0};
    return ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}

static void put_serial(const X509 *certificate, char *text, size_t size)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    char *digits = number ? BN_bn2hex(number) : NULL;
    (void)snprintf(text, size, "%s", digits ? digits : "");
    OPENSSL_free(digits);
    BN_free(number);
}

static void put_subject(const X509 *certificate, char *text, size_t size)
{
    char *subject = subject_text(certificate);
    (void)snprintf(text, size, "%s", subject ? subject : "");
    free(subject);
}

static void put_names(const struct config_strings *names, char *text, size_t size)
{
    size_t length = 0;
    for (size_t i = 0; names && i < names->count; i++) {
        size_t wanted = strlen(names->items[i]), space = length > 0;
        if (length + space + wanted >= size)
            return;
        memset(text + length, ' ', space);
        memcpy(text + length + space, names->items[i], wanted + 1);
        length += space + wanted;
    }
}

int actpass_config_certificate_sized(actpass_config *config, unsigned index,
                                     actpass_certificate_t *certificate, size_t size)
{
    actpass_certificate_t all = {.not_before = 0};
    struct context_shown shown = {.certificate = NULL};
    if (settings_freeze(config))
        shown = tls_context_shown(config->tls, index);
    const X509 *own = shown.certificate;
    memset(certificate, 0, size);
    if (!own)
        return -1;
    (void)ERR_set_mark(); /* what fails here must not end a later call (hazard 6) */
    all.not_before = seconds_of(X509_get0_notBefore(own));
    all.not_after = seconds_of(X509_get0_notAfter(own));
    put_serial(own, all.serial, sizeof(all.serial));
    put_subject(own, all.subject, sizeof(all.subject));
    all.staple_until = shown.staple_until_s;
    put_names(shown.names, all.server_names, sizeof(all.server_names));
    (void)ERR_pop_to_mark();
    memcpy(certificate, &all, size < sizeof(all) ? size : sizeof(all));
    return 0;
}
