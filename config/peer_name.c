/* Names and keys of peers: the values of "peer_names" and "peer_pins". */
#include "config/internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>

/* Each fills in the name's kind and, for IP, its address, and points *TEXT to the part to compare.
 * NULL, or what is wrong. */
typedef const char *parser(const char **text, struct config_peer_name *name);

static const char in_brackets[] = "an IPv6 address is written without brackets here";

static bool read_address(const char *text, struct config_peer_name *name)
{
    bool ipv6 = strchr(text, ':');
    name->kind = CONFIG_NAME_IP;
    name->address_size = ipv6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);
    return inet_pton(ipv6 ? AF_INET6 : AF_INET, text, name->address) == 1;
}

static bool read_dns(const char **text, struct config_peer_name *name)
{
    bool below = strncmp(*text, "*.", 2) == 0;
    name->kind = below ? CONFIG_NAME_DNS_BELOW : CONFIG_NAME_DNS;
    *text += below ? 2 : 0;
    return names_is_dns(*text);
}

static const char *parse_dns(const char **text, struct config_peer_name *name)
{
    const char *wrong = names_wrong_dns_letters(*text);
    if (wrong)
        return wrong;
    return read_dns(text, name) ? NULL : "dns: must be followed by a DNS name";
}

static const char *parse_ip(const char **text, struct config_peer_name *name)
{
    if (read_address(*text, name))
        return NULL;
    return **text == '[' ? in_brackets : "ip: must be followed by an IP address";
}

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

/* A scheme, a colon and more. */
static const char *parse_uri(const char **text, struct config_peer_name *name)
{
    const char *uri = *text;
    size_t scheme = names_span(uri, "+.-");
    name->kind = CONFIG_NAME_URI;
    return isalpha((unsigned char)uri[0]) && uri[scheme] == ':' && uri[scheme + 1] != '\0' &&
                   is_printable(uri)
               ? NULL
               : "uri: must be followed by a URI, as in \"uri:spiffe://example.org/peer\"";
}

/* What a certificate's rfc822Name can be: ASCII, neither spaces nor quotes. */
static const char *parse_email(const char **text, struct config_peer_name *name)
{
    const char *at = strrchr(*text, '@');
    size_t local = at ? (size_t)(at - *text) : 0;
    bool quoted = strpbrk(*text, "\"()<>,;:\\[]");
    name->kind = CONFIG_NAME_EMAIL;
    if (local < 1 || local > 64 || quoted || memchr(*text, '@', local) || !is_printable(*text) ||
        !names_is_dns(at + 1))
        return "email: must be followed by an e-mail address, as in \"email:peer@example.org\"";
    return NULL;
}

static const char *parse_common_name(const char **text, struct config_peer_name *name)
{
    size_t characters = 0;
    for (const char *at = *text; *at; at++)
        characters += ((unsigned char)*at & 0xc0U) != 0x80; /* UTF-8: all but what follows up */
    name->kind = CONFIG_NAME_COMMON;
    return characters >= 1 && characters <= 64
               ? NULL
               : "cn: must be followed by a common name of 1 to 64 characters";
}

/* Without a kind before it. */
static const char *parse_plain(const char **text, struct config_peer_name *name)
{
    if (read_address(*text, name))
        return NULL;
    if (**text == '[')
        return in_brackets;
    const char *wrong = names_wrong_dns_letters(*text);
    if (wrong)
        return wrong;
    return read_dns(text, name) ? NULL
                                : "must be a DNS name, an IP address, or a name with its kind "
                                  "before it: dns:, ip:, uri:, email: or cn:";
}

static parser *parser_of(const char **text)
{
    static const struct {
        const char *prefix;
        parser *parse;
    } kinds[] = {{"dns:", parse_dns},
                 {"ip:", parse_ip},
                 {"uri:", parse_uri},
                 {"email:", parse_email},
                 {"cn:", parse_common_name}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        size_t length = strlen(kinds[i].prefix);
        if (strncmp(*text, kinds[i].prefix, length) == 0) {
            *text += length;
            return kinds[i].parse;
        }
    }
    return parse_plain;
}

const char *config_peer_name_parse(const char *text, struct config_peer_name *name)
{
    *name = (struct config_peer_name){.text = NULL};
    const char *wrong = parser_of(&text)(&text, name);
    if (!wrong) {
        name->text = strdup(text);
        wrong = name->text ? NULL : text_no_memory;
    }
    if (wrong)
        *name = (struct config_peer_name){.text = NULL};
    return wrong;
}

bool config_peer_names_copy(const struct config_peer_names *from, struct config_peer_names *to)
{
    *to = (struct config_peer_names){.items = calloc(from->count + 1, sizeof(*to->items))};
    while (to->items && to->count < from->count) {
        struct config_peer_name *name = &to->items[to->count];
        *name = from->items[to->count];
        name->text = strdup(name->text);
        if (!name->text) {
            config_peer_names_free(to);
            return false;
        }
        to->count++;
    }
    return to->items;
}

void config_peer_names_free(struct config_peer_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i].text);
    free(names->items);
    *names = (struct config_peer_names){0};
}

/* ---- Pins --------------------------------------------------------------------------------- */

static unsigned hex_value(char digit)
{
    if (digit <= '9')
        return (unsigned)(digit - '0');
    return (unsigned)(tolower((unsigned char)digit) - 'a') + 10;
}

const char *config_pin_parse(const char *text, struct config_pin *pin)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    static const char prefix[] = "sha256:";
    const char *digits = text + sizeof(prefix) - 1;
    size_t wanted = 2 * sizeof(pin->digest);
    if (strncmp(text, prefix, sizeof(prefix) - 1) != 0 || strlen(digits) != wanted ||
        strspn(digits, hex) != wanted)
        return "must be sha256: and the 64 hex digits of the SHA-256 of the peer's public key "
               "(SubjectPublicKeyInfo), without colons between them";
    for (size_t i = 0; i < sizeof(pin->digest); i++)
        pin->digest[i] = (uint8_t)(hex_value(digits[2 * i]) << 4 | hex_value(digits[2 * i + 1]));
    return NULL;
}
