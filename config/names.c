/* Checkers of names: services, hosts, peers, pins, protocols. */
#include "config/internal.h"

#include <arpa/inet.h>
#include <ctype.h>

static const char letters_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static bool is_one_of(char letter, const char *set)
{
    return letter != '\0' && strchr(set, letter);
}

/* How many leading characters are letters, digits or one of the others. */
static size_t span(const char *text, const char *others)
{
    size_t length = 0;
    while (is_one_of(text[length], letters_digits) || is_one_of(text[length], others))
        length++;
    return length;
}

bool is_ipv4(const char *text)
{
    struct in_addr address;
    return inet_pton(AF_INET, text, &address) == 1;
}

bool is_ipv6(const char *text)
{
    struct in6_addr address;
    return inet_pton(AF_INET6, text, &address) == 1;
}

bool is_dns_name(const char *text)
{
    if (strlen(text) > 253)
        return false;
    for (;;) {
        size_t length = span(text, "-_");
        bool last = text[length] == '\0';
        if (length < 1 || length > 63 || text[0] == '-' || text[length - 1] == '-')
            return false;
        if (last) /* else 1.2.3 or 300.1.1.1 would be a name */
            return strspn(text, "0123456789") != length;
        if (text[length] != '.')
            return false;
        text += length + 1;
    }
}

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

const char *wrong_service_name(const char *text)
{
    size_t length = span(text, "_.-");
    if (length >= 1 && length <= 64 && text[length] == '\0')
        return NULL;
    return "must be 1 to 64 characters, each one of A-Z a-z 0-9 _ . -";
}

/* A scheme, a colon and more. */
static bool is_uri(const char *text)
{
    size_t length = span(text, "+.-");
    return isalpha((unsigned char)text[0]) && text[length] == ':' && text[length + 1] != '\0' &&
           is_printable(text);
}

/* Letters that no DNS name has, though people write them. NULL if there are none. */
static const char *wrong_dns_letters(const char *text)
{
    const char *name = strncmp(text, "*.", 2) == 0 ? text + 2 : text;
    if (strchr(name, '*'))
        return "* may only stand for the whole leftmost label, as in \"*.example.org\"";
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at >= 0x80)
            return "a name with other letters than ASCII's is written in its xn-- form";
    return NULL;
}

static bool is_dns_name_or_wildcard(const char *text)
{
    return is_dns_name(strncmp(text, "*.", 2) == 0 ? text + 2 : text);
}

static const char *wrong_dns(const char *text)
{
    const char *wrong = wrong_dns_letters(text);
    if (wrong)
        return wrong;
    return is_dns_name_or_wildcard(text) ? NULL : "no DNS name stands after dns:";
}

static const char *wrong_ip(const char *text)
{
    if (text[0] == '[')
        return "an IPv6 address stands without brackets here";
    return is_ipv4(text) || is_ipv6(text) ? NULL : "no IP address stands after ip:";
}

static const char *wrong_uri(const char *text)
{
    return is_uri(text) ? NULL
                        : "no URI stands after uri:, write it as in "
                          "\"uri:spiffe://example.org/peer\"";
}

/* What a certificate's rfc822Name can be: ASCII, neither spaces nor quotes. */
static const char *wrong_email(const char *text)
{
    const char *at = strrchr(text, '@');
    size_t local = at ? (size_t)(at - text) : 0;
    bool quoted = strpbrk(text, "\"()<>,;:\\[]");
    if (local < 1 || local > 64 || quoted || memchr(text, '@', local) || !is_printable(text) ||
        !is_dns_name(at + 1))
        return "no e-mail address stands after email:, write it as in "
               "\"email:peer@example.org\"";
    return NULL;
}

static const char *wrong_common_name(const char *text)
{
    size_t characters = 0;
    for (const char *at = text; *at; at++)
        characters += ((unsigned char)*at & 0xc0U) != 0x80; /* UTF-8: all but what follows up */
    return characters >= 1 && characters <= 64 ? NULL
                                               : "a common name of 1 to 64 characters must "
                                                 "follow cn:";
}

const char *wrong_peer_name(const char *text)
{
    static const struct {
        const char *kind;
        const char *(*wrong)(const char *);
    } kinds[] = {{"dns:", wrong_dns},
                 {"ip:", wrong_ip},
                 {"uri:", wrong_uri},
                 {"email:", wrong_email},
                 {"cn:", wrong_common_name}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        size_t length = strlen(kinds[i].kind);
        if (strncmp(text, kinds[i].kind, length) == 0)
            return kinds[i].wrong(text + length);
    }
    if (is_ipv4(text) || is_ipv6(text))
        return NULL;
    if (text[0] == '[')
        return "an IPv6 address stands without brackets here";
    const char *wrong = wrong_dns_letters(text);
    if (wrong)
        return wrong;
    return is_dns_name_or_wildcard(text)
               ? NULL
               : "must be a DNS name, an IP address, or a name with its kind before it: dns:, ip:, "
                 "uri:, email: or cn:";
}

const char *wrong_peer_pin(const char *text)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    if (strncmp(text, "sha256:", 7) == 0 && strlen(text + 7) == 64 && strspn(text + 7, hex) == 64)
        return NULL;
    return "must be sha256: and the 64 hex digits of the SHA-256 of the peer's public key "
           "(SubjectPublicKeyInfo), without colons between them";
}

const char *wrong_server_name(const char *text)
{
    return is_dns_name(text) ? NULL : "must be a DNS name; TLS sends no addresses or wildcards";
}

const char *wrong_offered_name(const char *text)
{
    const char *wrong = wrong_dns_letters(text);
    if (wrong)
        return wrong;
    return is_dns_name_or_wildcard(text) ? NULL
                                         : "must be a DNS name; clients ask for no addresses";
}

/* Of decoded paths, so that there is one way to write each. */
const char *wrong_prefix(const char *text)
{
    size_t length = strlen(text);
    if (text[0] != '/' || text[length - 1] != '/')
        return "must begin and end with \"/\", as in \"/secure/\"";
    if (strstr(text, "//") || strstr(text, "/./") || strstr(text, "/../"))
        return "must not hold empty parts, \".\" or \"..\"";
    if (strpbrk(text, "%?#\\"))
        return "must hold no %, ?, # or \\; it is compared with the decoded path";
    return NULL;
}

const char *wrong_index(const char *text)
{
    if (strchr(text, '/') || strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
        return "must be the name of a file, without \"/\"; it is looked for in each folder";
    return NULL;
}

const char *wrong_alpn(const char *text)
{
    return strlen(text) <= 255 ? NULL : "must be at most 255 bytes";
}

const char *wrong_ciphers(const char *text)
{
    if (strstr(text, "@SECLEVEL"))
        return "must not set @SECLEVEL: the security level is 2";
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            return "must be ASCII";
    return NULL;
}
