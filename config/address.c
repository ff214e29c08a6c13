/* Addresses: "host:port", "[v6]:port", "unix:/path". */
#include "config/internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static const char *parse_port(const char *text, uint16_t *port)
{
    static const char wrong[] = "the port must be a number from 0 to 65535";
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits] != '\0' || (text[0] == '0' && digits > 1))
        return wrong;
    unsigned long value = strtoul(text, NULL, 10);
    if (value > UINT16_MAX)
        return wrong;
    *port = (uint16_t)value;
    return NULL;
}

enum { RANGE_MAX = 1000 };

/* "8000", or "8000-8010". */
static const char *parse_ports(const char *text, struct config_address *address)
{
    const char *dash = strchr(text, '-');
    uint16_t first;
    if (!dash)
        return parse_port(text, &address->port);
    if (!config_ports_parse(text, &first, &address->last_port) || first == address->last_port)
        return "a range of ports is written FIRST-LAST, as in 127.0.0.1:8000-8010";
    address->port = first;
    return address->last_port - first < RANGE_MAX ? NULL : "a range must have at most 1000 ports";
}

static const char *parse_unix(const char *path, struct config_address *address)
{
    if (path[0] == '\0')
        return "a path must follow unix:";
    if (strcmp(path, "@") == 0)
        return "a name must follow unix:@";
    if (strlen(path) > UNIX_PATH_MAX)
        return UNIX_PATH_TOO_LONG;
    address->path = strdup(path);
    return address->path ? NULL : text_no_memory;
}

static const char *check_host(const char *host, bool brackets)
{
    if (brackets)
        return names_is_zoned_ipv6(host) ? NULL : "the brackets must hold an IPv6 address";
    if (host[0] == '\0')
        return "the host is missing; use 0.0.0.0 or [::] for all addresses";
    if (strchr(host, ':'))
        return "an IPv6 address is written in brackets, as in [::1]:443";
    if (strcmp(host, "*") == 0)
        return "* is not a host; use 0.0.0.0 or [::] for all addresses";
    if (names_is_ipv4(host) || names_is_dns(host))
        return NULL;
    return "the host must be a name, an IPv4 address, or an IPv6 address in brackets";
}

static const char *parse_tcp(const char *text, struct config_address *address)
{
    const char *colon = strrchr(text, ':');
    const char *bracket = strrchr(text, ']');
    if (text[0] == '@')
        return "an abstract unix socket is written unix:@name";
    if (strstr(text, "://"))
        return "a URL is not an address; write host and port alone, as in 127.0.0.1:8080";
    if (text[0] != '\0' && text[strspn(text, "0123456789")] == '\0')
        return "the host is missing; use 0.0.0.0 or [::] for all addresses";
    if (!colon || (bracket && bracket > colon))
        return "the port is missing; an address is host:port, [v6]:port or unix:/path";
    bool brackets = text[0] == '[' && bracket && bracket + 1 == colon;
    const char *begin = brackets ? text + 1 : text;
    const char *end = brackets ? bracket : colon;
    address->host = strndup(begin, (size_t)(end - begin));
    if (!address->host)
        return text_no_memory;
    const char *wrong = check_host(address->host, brackets);
    return wrong ? wrong : parse_ports(colon + 1, address);
}

const char *config_address_parse_range(const char *text, struct config_address *address)
{
    const char *wrong = NULL;
    *address = (struct config_address){.text = strdup(text)};
    if (!address->text) {
        wrong = text_no_memory;
    } else if (text_has_control(text)) {
        wrong = "must not hold control characters";
    } else if (strncmp(text, "unix:", 5) == 0) {
        address->kind = CONFIG_ADDRESS_UNIX;
        wrong = parse_unix(text + 5, address);
    } else {
        address->kind = CONFIG_ADDRESS_TCP;
        wrong = parse_tcp(text, address);
    }
    if (wrong)
        config_address_free(address);
    return wrong;
}

const char *config_address_parse(const char *text, struct config_address *address)
{
    const char *wrong = config_address_parse_range(text, address);
    if (wrong || address->last_port == 0)
        return wrong;
    config_address_free(address);
    return "a range of ports is only for listening";
}

bool config_listen_has(const struct config_listen *listen, enum config_address_kind kind)
{
    for (size_t i = 0; i < listen->count; i++)
        if (listen->addresses[i].kind == kind)
            return true;
    return false;
}

void config_source_free(struct config_source *source)
{
    config_strings_free(&source->from);
    free(source->device);
    *source = (struct config_source){.mark = 0};
}

static bool is_same_text(const char *one, const char *other)
{
    return one == other || (one && other && strcmp(one, other) == 0);
}

bool config_source_is_same(const struct config_source *one, const struct config_source *other)
{
    bool same = one->from.count == other->from.count && one->mark == other->mark &&
                one->transparent == other->transparent && is_same_text(one->device, other->device);
    for (size_t i = 0; same && i < one->from.count; i++)
        same = strcmp(one->from.items[i], other->from.items[i]) == 0;
    return same;
}

bool config_address_is_ip(const struct config_address *address)
{
    return address->kind == CONFIG_ADDRESS_TCP &&
           (strchr(address->host, ':') || names_is_ipv4(address->host));
}

void config_address_free(struct config_address *address)
{
    free(address->text);
    free(address->host);
    free(address->path);
    *address = (struct config_address){0};
}

char *address_canonical(const struct config_address *address)
{
    struct in6_addr binary;
    char plain[INET6_ADDRSTRLEN];
    const char *host = address->host;
    char *result = NULL;
    if (address->kind == CONFIG_ADDRESS_UNIX) {
        if (asprintf(&result, "unix:%s", address->path) < 0)
            return NULL;
        return result;
    }
    if (inet_pton(AF_INET6, host, &binary) == 1 &&
        inet_ntop(AF_INET6, &binary, plain, sizeof(plain)))
        host = plain;
    if (asprintf(&result, "%s %u", host, (unsigned)address->port) < 0)
        return NULL;
    for (char *at = result; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return result;
}
