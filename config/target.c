/* What "proxy" may connect to: "192.0.2.0/24", "[2001:db8::]/32:443", "*.example.com:80,8000-8999".
 */
#include "config/internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { IPV4_BITS = 32, IPV6_BITS = 128, PORT_TEXT_MAX = 16 };

static const char form_text[] =
    "must be \"*\", a name, \"*.\" and a name, or a network as in \"192.0.2.0/24\" or "
    "\"[2001:db8::]/32\", each alone or with ports, as in \"example.com:443\"";
static const char ports_text[] =
    "the ports must be numbers from 1 to 65535 or ranges such as 8000-8999, at most 8, with commas "
    "between them";

static bool wrong_form(struct error_text *error)
{
    return error_set(error, "%s", form_text);
}

/* ---- Ports ----------------------------------------------------------------------------------- */

static bool add_ports(struct config_target *target, const char *text, size_t length)
{
    char one[PORT_TEXT_MAX] = "";
    struct config_ports *ports = &target->ports[target->port_count];
    if (length == 0 || length >= sizeof(one) || target->port_count == CONFIG_TARGET_PORTS_MAX)
        return false;
    memcpy(one, text, length);
    target->port_count++;
    return config_ports_parse(one, &ports->first, &ports->last) && ports->first > 0;
}

static bool parse_ports(struct config_target *target, const char *text, struct error_text *error)
{
    for (;;) {
        size_t length = strcspn(text, ",");
        if (!add_ports(target, text, length))
            return error_set(error, "%s", ports_text);
        if (text[length] == '\0')
            return true;
        text += length + 1;
    }
}

bool config_target_has_port(const struct config_target *target, uint16_t port)
{
    for (size_t i = 0; i < target->port_count; i++)
        if (target->ports[i].first <= port && port <= target->ports[i].last)
            return true;
    return target->port_count == 0;
}

/* ---- Networks -------------------------------------------------------------------------------- */

/* An address alone is a network of one address. */
static bool take_network(struct config_target *target, const char *address, const char *prefix,
                         struct error_text *error)
{
    char text[INET6_ADDRSTRLEN + sizeof("/4294967295")];
    int bits = strchr(address, ':') ? IPV6_BITS : IPV4_BITS;
    int length = *prefix ? snprintf(text, sizeof(text), "%s%s", address, prefix)
                         : snprintf(text, sizeof(text), "%s/%d", address, bits);
    target->kind = CONFIG_TARGET_NETWORK;
    if (length < 0 || (size_t)length >= sizeof(text))
        return wrong_form(error);
    return network_parse(text, &target->network, error);
}

/* "[2001:db8::1]", "[2001:db8::]/32"; TEXT is cut. */
static bool take_bracketed(struct config_target *target, char *text, struct error_text *error)
{
    char *end = strchr(text, ']');
    if (!end || !strchr(text, ':') || (end[1] != '\0' && end[1] != '/'))
        return wrong_form(error);
    *end = '\0';
    return strchr(text, '/') ? wrong_form(error) : take_network(target, text + 1, end + 1, error);
}

/* ---- Names ----------------------------------------------------------------------------------- */

static bool take_name(struct config_target *target, const char *text, struct error_text *error)
{
    bool below = strncmp(text, "*.", 2) == 0;
    const char *name = below ? text + 2 : text;
    size_t length = strlen(name);
    target->kind = below ? CONFIG_TARGET_BELOW : CONFIG_TARGET_NAME;
    if (!names_is_dns(name) || length >= sizeof(target->name))
        return wrong_form(error);
    for (size_t i = 0; i <= length; i++)
        target->name[i] = (char)tolower((unsigned char)name[i]);
    return true;
}

bool config_target_has_name(const struct config_target *target, const char *name)
{
    size_t length = strlen(name), suffix = strlen(target->name);
    switch (target->kind) {
    case CONFIG_TARGET_ANY:
        return true;
    case CONFIG_TARGET_NAME:
        return strcasecmp(target->name, name) == 0;
    case CONFIG_TARGET_BELOW:
        return length > suffix + 1 && name[length - suffix - 1] == '.' &&
               strcasecmp(name + length - suffix, target->name) == 0;
    case CONFIG_TARGET_NETWORK:
        break;
    }
    return false;
}

/* ---- All ------------------------------------------------------------------------------------- */

static bool take_place(struct config_target *target, char *text, struct error_text *error)
{
    char *slash = strchr(text, '/');
    if (strcmp(text, "*") == 0) {
        target->kind = CONFIG_TARGET_ANY;
        return true;
    }
    if (text[0] == '[')
        return take_bracketed(target, text, error);
    if (slash) {
        char prefix[PORT_TEXT_MAX];
        (void)snprintf(prefix, sizeof(prefix), "%s", slash);
        *slash = '\0';
        return take_network(target, text, prefix, error);
    }
    return names_is_ipv4(text) || strchr(text, ':') ? take_network(target, text, "", error)
                                                    : take_name(target, text, error);
}

/* The colon before the ports, or NULL: an IPv6 address without brackets has none. */
static char *find_ports(char *text)
{
    char *last = strrchr(text, ':');
    const char *bracket = strchr(text, ']');
    if (!last || (text[0] == '[' && bracket && last < bracket))
        return NULL;
    return text[0] == '[' || strchr(text, ':') == last ? last : NULL;
}

static bool parse(const char *text, struct config_target *target, struct error_text *error)
{
    char copy[CONFIG_TARGET_TEXT_MAX + 1];
    *target = (struct config_target){.port_count = 0};
    if (strlen(text) >= sizeof(copy))
        return error_set(error, "is too long");
    (void)snprintf(copy, sizeof(copy), "%s", text);
    char *colon = find_ports(copy);
    if (colon && !parse_ports(target, colon + 1, error))
        return false;
    if (colon)
        *colon = '\0';
    return take_place(target, copy, error);
}

/* ---- A wrong order --------------------------------------------------------------------------- */

struct parts {
    char address[65], prefix[9], ports[65];
};

/* Is it "[2001:db8::/32]:443", "[2001:db8::/32]", "2001:db8::/32:443", "192.0.2.0:443/24" or
 * "[2001:db8::]:443/32"? */
static bool find_parts(const char *text, struct parts *parts)
{
    char *address = parts->address, *prefix = parts->prefix, *ports = parts->ports;
    int end = 0;
#define ADDRESS "%64[0-9a-fA-F:.]"
#define PREFIX "%8[0-9]"
#define PORTS "%64[0-9,-]"
    bool all =
        sscanf(text, "[" ADDRESS "/" PREFIX "]:" PORTS "%n", address, prefix, ports, &end) == 3 ||
        sscanf(text, ADDRESS "/" PREFIX ":" PORTS "%n", address, prefix, ports, &end) == 3 ||
        sscanf(text, "%64[0-9.]:" PORTS "/" PREFIX "%n", address, ports, prefix, &end) == 3 ||
        sscanf(text, "[" ADDRESS "]:" PORTS "/" PREFIX "%n", address, ports, prefix, &end) == 3;
    if (!all) {
        *ports = '\0';
        all = sscanf(text, "[" ADDRESS "/" PREFIX "]%n", address, prefix, &end) == 2;
    }
    return all && end > 0 && text[end] == '\0';
}

/* Says how a network is written whose parts are all there. Else ERROR stays. */
static void suggest_order(const char *text, struct error_text *error)
{
    struct config_target target;
    struct error_text unused;
    struct parts parts;
    char right[sizeof(parts) + sizeof("[]/:")];
    if (!find_parts(text, &parts))
        return;
    bool is_v6 = strchr(parts.address, ':');
    (void)snprintf(right, sizeof(right), is_v6 ? "[%s]/%s%s%s" : "%s/%s%s%s", parts.address,
                   parts.prefix, *parts.ports ? ":" : "", parts.ports);
    if (parse(right, &target, &unused))
        (void)error_set(error,
                        "must be address, prefix and ports in this order, with brackets around an "
                        "IPv6 address only: write \"%s\"",
                        right);
}

bool config_target_parse(const char *text, struct config_target *target, struct error_text *error)
{
    bool parsed = parse(text, target, error);
    if (!parsed)
        suggest_order(text, error);
    return parsed;
}

bool names_are_target(const char *text, struct error_text *error)
{
    struct config_target target;
    return config_target_parse(text, &target, error);
}
