/* Names of peers. */
#include "server/tls/peer_names.h"

#include "server/tls/error.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum kind { KIND_DNS, KIND_DNS_BELOW, KIND_IP, KIND_URI };
enum { MOST_LABEL = 63, MOST_NAME = 253 };

struct peer_name {
    enum kind kind;
    char *text; /* DNS_BELOW: what follows "*."; URI: what follows "uri:" */
    uint8_t address[16];
    size_t address_size;
};

/* ---- Reading ------------------------------------------------------------------------------ */

static bool is_digit(char letter)
{
    return letter >= '0' && letter <= '9';
}

static bool is_label_letter(char letter)
{
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           is_digit(letter) || letter == '-' || letter == '_';
}

static bool is_label(const char *label, size_t length)
{
    if (length < 1 || length > MOST_LABEL)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!is_label_letter(label[i]))
            return false;
    }
    return label[0] != '-' && label[length - 1] != '-';
}

bool peer_names_is_dns(const char *text)
{
    if (strlen(text) > MOST_NAME)
        return false;
    for (;;) {
        size_t length = strcspn(text, ".");
        if (!is_label(text, length))
            return false;
        if (text[length] == '\0') /* all digits would be an address that is none */
            return strspn(text, "0123456789") != length;
        text += length + 1;
    }
}

static bool read_address(const char *text, struct peer_name *name)
{
    name->kind = KIND_IP;
    name->address_size = 4;
    if (inet_pton(AF_INET, text, name->address) == 1)
        return true;
    name->address_size = 16;
    return inet_pton(AF_INET6, text, name->address) == 1;
}

/* Finds out what it is. Returns the part that is compared, or NULL: it is no name. */
static const char *classify(const char *text, struct peer_name *name)
{
    if (strncmp(text, "uri:", 4) == 0) {
        name->kind = KIND_URI;
        return strchr(text + 4, ':') ? text + 4 : NULL;
    }
    if (read_address(text, name))
        return text;
    bool below = strncmp(text, "*.", 2) == 0;
    name->kind = below ? KIND_DNS_BELOW : KIND_DNS;
    text += below ? 2 : 0;
    return peer_names_is_dns(text) ? text : NULL;
}

static bool read_name(const char *text, struct peer_name *name, struct tls_error *error)
{
    const char *part = classify(text, name);
    if (!part)
        return tls_fail(error,
                        "peer_names: \"%s\" is no DNS name, IP address, or uri: and a URI; * may "
                        "only stand for the whole leftmost label",
                        text);
    name->text = strdup(part);
    return name->text != NULL || tls_fail(error, "out of memory for peer_names");
}

bool peer_names_read(const struct config_strings *texts, struct peer_names *names,
                     struct tls_error *error)
{
    *names = (struct peer_names){NULL, 0};
    if (texts->count == 0)
        return true;
    names->items = calloc(texts->count, sizeof *names->items);
    if (!names->items)
        return tls_fail(error, "out of memory for peer_names");
    while (names->count < texts->count) {
        struct peer_name *name = &names->items[names->count];
        if (!read_name(texts->items[names->count], name, error)) {
            peer_names_free(names);
            return false;
        }
        names->count++;
    }
    return true;
}

void peer_names_free(struct peer_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i].text);
    free(names->items);
    *names = (struct peer_names){NULL, 0};
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
    for (size_t i = 0; i < shown.size; i++) {
        if (lower(shown.data[i]) != lower(wanted[i]))
            return false;
    }
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
    return split(shown, &label, &rest) && (is_star(label) || is_label(label.data, label.size)) &&
           equal_dns(rest, parent);
}

static bool match(const struct peer_name *wanted, const GENERAL_NAME *shown)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(shown, &type);
    switch (wanted->kind) {
    case KIND_DNS:
        return type == GEN_DNS && match_dns(wanted->text, bytes_of(value));
    case KIND_DNS_BELOW:
        return type == GEN_DNS && match_dns_below(wanted->text, bytes_of(value));
    case KIND_IP:
        return type == GEN_IPADD && bytes_of(value).size == wanted->address_size &&
               memcmp(bytes_of(value).data, wanted->address, wanted->address_size) == 0;
    case KIND_URI:
        return type == GEN_URI && bytes_of(value).size == strlen(wanted->text) &&
               memcmp(bytes_of(value).data, wanted->text, bytes_of(value).size) == 0;
    }
    return false;
}

static bool has_nul(const GENERAL_NAME *shown)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(shown, &type);
    if (type != GEN_DNS && type != GEN_URI && type != GEN_EMAIL)
        return false;
    return memchr(bytes_of(value).data, '\0', bytes_of(value).size) != NULL;
}

static bool match_any(const struct peer_names *names, const GENERAL_NAMES *shown)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(shown); i++) {
        for (size_t j = 0; j < names->count; j++) {
            if (match(&names->items[j], sk_GENERAL_NAME_value(shown, i)))
                return true;
        }
    }
    return false;
}

/* ---- And what is said of it --------------------------------------------------------------- */

static bool fail_with_names(const GENERAL_NAMES *shown, struct tls_error *error)
{
    enum { MOST_SHOWN = 5 };
    char *text = NULL;
    long size = 0;
    BIO *memory = BIO_new(BIO_s_mem());
    for (int i = 0; memory && i < sk_GENERAL_NAME_num(shown) && i < MOST_SHOWN; i++) {
        if (i > 0)
            (void)BIO_puts(memory, ", ");
        (void)GENERAL_NAME_print(memory, sk_GENERAL_NAME_value(shown, i));
    }
    if (memory)
        size = BIO_get_mem_data(memory, &text);
    tls_fail(error, "it carries none of peer_names, but %.*s%s", (int)size, size ? text : "",
             sk_GENERAL_NAME_num(shown) > MOST_SHOWN ? " and more" : "");
    BIO_free(memory);
    return false;
}

static bool judge(const struct peer_names *names, const GENERAL_NAMES *shown,
                  struct tls_error *error)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(shown); i++) {
        if (has_nul(sk_GENERAL_NAME_value(shown, i)))
            return tls_fail(error, "a name in its subjectAltName holds a NUL byte");
    }
    return match_any(names, shown) || fail_with_names(shown, error);
}

bool peer_names_match(const struct peer_names *names, X509 *certificate, struct tls_error *error)
{
    int found = 0;
    GENERAL_NAMES *shown = X509_get_ext_d2i(certificate, NID_subject_alt_name, &found, NULL);
    if (!shown)
        return tls_fail(error, found == -1 ? "it has no subjectAltName, and its common name does "
                                             "not count as a name"
                                           : "its subjectAltName cannot be read");
    bool matches = judge(names, shown, error);
    GENERAL_NAMES_free(shown);
    return matches;
}
