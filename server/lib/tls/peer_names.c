/* Names of peers. */
#include "server/lib/tls/peer_names.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

const char *peer_names_only_dns(const struct config_peer_names *names)
{
    return names->count == 1 && names->items[0].kind == CONFIG_NAME_DNS ? names->items[0].text
                                                                        : NULL;
}

/* ---- Comparing ---------------------------------------------------------------------------- */

/* A name in a certificate: bytes that end nowhere but at their length. */
struct bytes {
    const char *data;
    size_t size;
};

static struct bytes bytes_of(const ASN1_STRING *string)
{
    size_t size = (size_t)ASN1_STRING_length(string);
    return (struct bytes){size ? (const char *)ASN1_STRING_get0_data(string) : "", size};
}

static char lower(char letter)
{
    return (char)(letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter);
}

static bool equal_dns(struct bytes shown, const char *wanted)
{
    if (shown.size != strlen(wanted))
        return false;
    for (size_t i = 0; i < shown.size; i++)
        if (lower(shown.data[i]) != lower(wanted[i]))
            return false;
    return true;
}

/* Splits "label.rest" at the first dot. */
static bool split(struct bytes name, struct bytes *label, struct bytes *rest)
{
    const char *dot = memchr(name.data, '.', name.size);
    if (!dot)
        return false;
    *label = (struct bytes){name.data, (size_t)(dot - name.data)};
    *rest = (struct bytes){dot + 1, name.size - label->size - 1};
    return true;
}

static bool is_star(struct bytes label)
{
    return label.size == 1 && label.data[0] == '*';
}

static bool match_dns(const char *wanted, struct bytes shown)
{
    struct bytes label, rest;
    if (equal_dns(shown, wanted))
        return true;
    if (!split(shown, &label, &rest) || !is_star(label) || !memchr(rest.data, '.', rest.size))
        return false;
    const char *wanted_rest = strchr(wanted, '.');
    return wanted_rest && equal_dns(rest, wanted_rest + 1);
}

static bool match_dns_below(const char *parent, struct bytes shown)
{
    struct bytes label, rest;
    return split(shown, &label, &rest) &&
           (is_star(label) || config_is_dns_label(label.data, label.size)) &&
           equal_dns(rest, parent);
}

/* The part before the last "@" is the mail host's to interpret, so byte by byte (RFC 5280
 * section 7.5). */
static bool match_email(const char *wanted, struct bytes shown)
{
    size_t local = (size_t)(strrchr(wanted, '@') + 1 - wanted);
    if (shown.size < local || memcmp(shown.data, wanted, local) != 0)
        return false;
    return equal_dns((struct bytes){shown.data + local, shown.size - local}, wanted + local);
}

static bool equal_bytes(struct bytes shown, const void *wanted, size_t size)
{
    return shown.size == size && memcmp(shown.data, wanted, size) == 0;
}

static bool match(const struct config_peer_name *wanted, const GENERAL_NAME *shown)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(shown, &type);
    switch (wanted->kind) {
    case CONFIG_NAME_DNS:
        return type == GEN_DNS && match_dns(wanted->text, bytes_of(value));
    case CONFIG_NAME_DNS_BELOW:
        return type == GEN_DNS && match_dns_below(wanted->text, bytes_of(value));
    case CONFIG_NAME_IP:
        return type == GEN_IPADD &&
               equal_bytes(bytes_of(value), wanted->address, wanted->address_size);
    case CONFIG_NAME_URI:
        return type == GEN_URI && equal_bytes(bytes_of(value), wanted->text, strlen(wanted->text));
    case CONFIG_NAME_EMAIL:
        return type == GEN_EMAIL && match_email(wanted->text, bytes_of(value));
    case CONFIG_NAME_COMMON: /* stands elsewhere */
        break;
    }
    return false;
}

static bool has_nul(const GENERAL_NAME *shown)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(shown, &type);
    if (type != GEN_DNS && type != GEN_URI && type != GEN_EMAIL)
        return false;
    return memchr(bytes_of(value).data, '\0', bytes_of(value).size);
}

static bool match_any(const struct config_peer_names *names, const GENERAL_NAMES *shown)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(shown); i++) {
        for (size_t j = 0; j < names->count; j++)
            if (match(&names->items[j], sk_GENERAL_NAME_value(shown, i)))
                return true;
    }
    return false;
}

/* ---- The common name ---------------------------------------------------------------------- */

static bool wants_common_name(const struct config_peer_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        if (names->items[i].kind == CONFIG_NAME_COMMON)
            return true;
    return false;
}

static bool match_common_name(const struct config_peer_names *names, struct bytes shown)
{
    for (size_t i = 0; i < names->count; i++) {
        const struct config_peer_name *wanted = &names->items[i];
        if (wanted->kind == CONFIG_NAME_COMMON &&
            equal_bytes(shown, wanted->text, strlen(wanted->text)))
            return true;
    }
    return false;
}

/* The subject's only one: of several it is not known which one counts. NULL: none, or several.
 */
static const ASN1_STRING *only_common_name(const X509 *certificate)
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
        return NULL;
    return X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
}

enum common_name { COMMON_NAME_OTHER, COMMON_NAME_MATCHES, COMMON_NAME_HAS_NUL };

static enum common_name judge_common_name(const struct config_peer_names *names,
                                          const X509 *certificate)
{
    unsigned char *text = NULL;
    const ASN1_STRING *only = wants_common_name(names) ? only_common_name(certificate) : NULL;
    int size = only ? ASN1_STRING_to_UTF8(&text, only) : -1;
    enum common_name result = COMMON_NAME_OTHER;
    if (size > 0 && memchr(text, '\0', (size_t)size))
        result = COMMON_NAME_HAS_NUL;
    else if (size > 0 && match_common_name(names, (struct bytes){(char *)text, (size_t)size}))
        result = COMMON_NAME_MATCHES;
    OPENSSL_free(text);
    return result;
}

/* ---- And what is said of it --------------------------------------------------------------- */

static bool fail_with_names(const GENERAL_NAMES *shown, struct error_text *error)
{
    enum { SHOWN_MAX = 5 };
    char *text = NULL;
    long size = 0;
    BIO *memory = BIO_new(BIO_s_mem());
    for (int i = 0; memory && i < sk_GENERAL_NAME_num(shown) && i < SHOWN_MAX; i++) {
        if (i > 0)
            (void)BIO_puts(memory, ", ");
        (void)GENERAL_NAME_print(memory, sk_GENERAL_NAME_value(shown, i));
    }
    if (memory)
        size = BIO_get_mem_data(memory, &text);
    error_set(error, "it carries none of peer_names, but %.*s%s", (int)size, size ? text : "",
              sk_GENERAL_NAME_num(shown) > SHOWN_MAX ? " and more" : "");
    BIO_free(memory);
    return false;
}

static bool fail_without_names(bool common_name, struct error_text *error)
{
    return common_name
               ? error_set(error, "its common name is none of peer_names, and it has no "
                                  "subjectAltName")
               : error_set(error, "it has no subjectAltName, and its common name does not count "
                                  "as a name");
}

static bool any_has_nul(const GENERAL_NAMES *shown)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(shown); i++)
        if (has_nul(sk_GENERAL_NAME_value(shown, i)))
            return true;
    return false;
}

bool peer_names_match(const struct config_peer_names *names, const X509 *certificate,
                      struct error_text *error)
{
    int found = 0;
    bool matches = false;
    enum common_name common_name = judge_common_name(names, certificate);
    GENERAL_NAMES *shown = X509_get_ext_d2i(certificate, NID_subject_alt_name, &found, NULL);
    if (any_has_nul(shown))
        error_set(error, "a name in its subjectAltName holds a NUL byte");
    else if (common_name == COMMON_NAME_HAS_NUL)
        error_set(error, "its common name holds a NUL byte");
    else if (!shown && found != -1) /* there is one that cannot be read, or several */
        error_set(error, "its subjectAltName cannot be read");
    else if (common_name == COMMON_NAME_MATCHES || match_any(names, shown))
        matches = true;
    else if (!shown)
        fail_without_names(wants_common_name(names), error);
    else
        fail_with_names(shown, error);
    GENERAL_NAMES_free(shown);
    return matches;
}

/* ---- As text ------------------------------------------------------------------------------- */

/* Copies KIND and the bytes behind it. */
static int64_t copy(const char *kind, struct bytes name, char *text, size_t size)
{
    size_t length = strlen(kind) + name.size;
    if (length < size)
        (void)snprintf(text, size, "%s%.*s", kind, (int)name.size, name.data);
    return (int64_t)length;
}

/* "": it is neither IPv4 nor IPv6. */
static void print_address(struct bytes address, char text[INET6_ADDRSTRLEN])
{
    int family = address.size == 4 ? AF_INET : AF_INET6;
    text[0] = '\0';
    if (address.size == 4 || address.size == 16)
        (void)inet_ntop(family, address.data, text, INET6_ADDRSTRLEN);
}

/* 0: it is of another kind, or empty. */
static int64_t copy_name(const GENERAL_NAME *shown, char *text, size_t size)
{
    int type;
    char address[INET6_ADDRSTRLEN];
    const ASN1_STRING *value = GENERAL_NAME_get0_value(shown, &type);
    const char *kind = type == GEN_DNS     ? "dns:"
                       : type == GEN_URI   ? "uri:"
                       : type == GEN_EMAIL ? "email:"
                       : type == GEN_IPADD ? "ip:"
                                           : NULL;
    if (!kind)
        return 0;
    struct bytes name = bytes_of(value);
    if (type == GEN_IPADD) {
        print_address(name, address);
        name = (struct bytes){address, strlen(address)};
    }
    return name.size > 0 ? copy(kind, name, text, size) : 0;
}

static int64_t copy_common_name(const X509 *certificate, char *text, size_t size)
{
    unsigned char *name = NULL;
    const ASN1_STRING *only = only_common_name(certificate);
    int length = only ? ASN1_STRING_to_UTF8(&name, only) : 0;
    int64_t copied = 0;
    if (length > 0 && !memchr(name, '\0', (size_t)length))
        copied = copy("cn:", (struct bytes){(char *)name, (size_t)length}, text, size);
    OPENSSL_free(name);
    return length < 0 ? -1 : copied;
}

int64_t peer_names_text(const X509 *certificate, unsigned index, char *text, size_t size)
{
    GENERAL_NAMES *shown = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int64_t length = 0;
    bool done = any_has_nul(shown);
    for (int i = 0; i < sk_GENERAL_NAME_num(shown) && !done; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(shown, i);
        if (copy_name(name, NULL, 0) == 0)
            continue;
        done = index == 0;
        if (done)
            length = copy_name(name, text, size);
        index--;
    }
    if (!done && index == 0)
        length = copy_common_name(certificate, text, size);
    GENERAL_NAMES_free(shown);
    return length;
}
