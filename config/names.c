/* Checkers of names: services, hosts, server names, paths, protocols. */
#include "config/internal.h"

#include <arpa/inet.h>
#include <stdlib.h>

static const char letters_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static bool is_one_of(char letter, const char *set)
{
    return letter != '\0' && strchr(set, letter);
}

size_t names_span(const char *text, const char *others)
{
    size_t length = 0;
    while (is_one_of(text[length], letters_digits) || is_one_of(text[length], others))
        length++;
    return length;
}

bool names_is_ipv4(const char *text)
{
    struct in_addr address;
    return inet_pton(AF_INET, text, &address) == 1;
}

bool names_is_ipv6(const char *text)
{
    struct in6_addr address;
    return inet_pton(AF_INET6, text, &address) == 1;
}

bool config_is_dns_label(const char *label, size_t length)
{
    if (length < 1 || length > 63 || label[0] == '-' || label[length - 1] == '-')
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_one_of(label[i], letters_digits) && !is_one_of(label[i], "-_"))
            return false;
    return true;
}

bool names_is_dns(const char *text)
{
    if (strlen(text) > 253)
        return false;
    for (;;) {
        size_t length = strcspn(text, ".");
        if (!config_is_dns_label(text, length))
            return false;
        if (text[length] == '\0') /* all digits: else 1.2.3 or 300.1.1.1 would be a name */
            return strspn(text, "0123456789") != length;
        text += length + 1;
    }
}

const char *names_wrong_service(const char *text)
{
    size_t length = names_span(text, "_.-");
    if (length >= 1 && length <= 64 && text[length] == '\0')
        return NULL;
    return "must be 1 to 64 characters, each one of A-Z a-z 0-9 _ . -";
}

const char *names_wrong_dns_letters(const char *text)
{
    const char *name = strncmp(text, "*.", 2) == 0 ? text + 2 : text;
    if (strchr(name, '*'))
        return "* may only stand for the whole leftmost label, as in \"*.example.org\"";
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at >= 0x80)
            return "must be ASCII; write an international name in its xn-- form";
    return NULL;
}

static bool is_dns_name_or_wildcard(const char *text)
{
    return names_is_dns(strncmp(text, "*.", 2) == 0 ? text + 2 : text);
}

const char *names_wrong_server(const char *text)
{
    return names_is_dns(text) ? NULL : "must be a DNS name; TLS sends no addresses or wildcards";
}

const char *names_wrong_offered(const char *text)
{
    const char *wrong = names_wrong_dns_letters(text);
    if (wrong)
        return wrong;
    return is_dns_name_or_wildcard(text) ? NULL
                                         : "must be a DNS name; clients ask for no addresses";
}

/* Of decoded paths, so that there is one way to write each. */
const char *names_wrong_prefix(const char *text)
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

const char *names_wrong_index(const char *text)
{
    if (strchr(text, '/') || strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
        return "must be the name of a file, without \"/\"; it is looked for in each folder";
    return NULL;
}

const char *names_wrong_absolute(const char *text)
{
    return *text == '/' ? NULL : "must be an absolute path, which begins with \"/\"";
}

/* Behind the number; NULL: there is none from 1 to 65535. */
static const char *parse_port(const char *text, uint16_t *port)
{
    char *end;
    unsigned long number = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
    *port = (uint16_t)number;
    return number >= 1 && number <= UINT16_MAX ? end : NULL;
}

bool config_ports_parse(const char *text, uint16_t *first, uint16_t *last)
{
    const char *end = parse_port(text, first);
    *last = *first;
    if (end && *end == '-')
        end = parse_port(end + 1, last);
    return end && *end == '\0' && *first <= *last;
}

const char *names_wrong_ports(const char *text)
{
    uint16_t first, last;
    return config_ports_parse(text, &first, &last)
               ? NULL
               : "must be a port such as \"8080\", or a range such as \"8000-8999\"";
}

const char *names_wrong_account(const char *text)
{
    return strpbrk(text, " :/") ? "must be a name or a number, without \" \", \":\" and \"/\""
                                : NULL;
}

const char *names_wrong_alpn(const char *text)
{
    return strlen(text) <= 255 ? NULL : "must be at most 255 bytes";
}

const char *names_wrong_groups(const char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            return "must be ASCII";
    return NULL;
}

static const char cipher_gaps[] = ":, ;";

static bool begins(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

const char *names_wrong_ciphers(const char *text)
{
    if (strstr(text, "@SECLEVEL"))
        return "must not set @SECLEVEL: the security level is 2";
    for (const char *at = text; *at; at += strcspn(at, cipher_gaps)) {
        at += strspn(at, cipher_gaps);
        if (begins(at, "TLS_AES_") || begins(at, "TLS_CHACHA20_"))
            return "is for TLS 1.2; write the suites of TLS 1.3, such as TLS_AES_128_GCM_SHA256, "
                   "under \"ciphersuites\"";
    }
    return names_wrong_groups(text);
}

const char *names_wrong_suites(const char *text)
{
    for (const char *at = text; *at; at += strcspn(at, cipher_gaps)) {
        at += strspn(at, cipher_gaps);
        if (*at && !begins(at, "TLS_"))
            return "must be suites of TLS 1.3, whose names begin with TLS_, with colons between; "
                   "write the ciphers of TLS 1.2 under \"ciphers\"";
    }
    return names_wrong_groups(text);
}

const char *names_wrong_proxy_tlv(const char *text)
{
    static const char *const names[] = {"alpn",      "authority", "ssl", "certificate",
                                        "unique_id", "role",      "none"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(text, names[i]) == 0)
            return NULL;
    return "must be alpn, authority, ssl, certificate, unique_id, role or none";
}
