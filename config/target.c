/* What "proxy" may connect to: "192.0.2.0/24", "[2001:db8::]/32:443", "*.example.com:80,8000-8999".
 */
#include "config/internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { IPV4_BITS = 32, IPV6_BITS = 128, PORT_TEXT_MAX = 16 };

static const char wrong_form[] =
    "must be \"*\", a name, \"*.\" and a name, or a network as in \"192.0.2.0/24\" or "
    "\"[2001:db8::]/32\", each alone or with ports, as in \"example.com:443\"";
static const char wrong_ports[] =
    "the ports must be numbers from 1 to 65535 or ranges such as 8000-8999, at most 8, with commas "
    "between them";

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

static const char *parse_ports(struct config_target *target, const char *text)
{
    for (;;) {
        size_t length = strcspn(text, ",");
        if (!add_ports(target, text, length))
            return wrong_ports;
        if (text[length] == '\0')
            return NULL;
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
static const char *take_network(struct config_target *target, const char *address,
                                const char *prefix)
{
    static _Thread_local struct error_text error;
    char text[INET6_ADDRSTRLEN + sizeof("/4294967295")];
    int bits = strchr(address, ':') ? IPV6_BITS : IPV4_BITS;
    int length = *prefix ? snprintf(text, sizeof(text), "%s%s", address, prefix)
                         : snprintf(text, sizeof(text), "%s/%d", address, bits);
    target->kind = CONFIG_TARGET_NETWORK;
    if (length < 0 || (size_t)length >= sizeof(text))
        return wrong_form;
    return network_parse(text, &target->network, &error) ? NULL : error.text;
}

/* "[2001:db8::1]", "[2001:db8::]/32"; TEXT is cut. */
static const char *take_bracketed(struct config_target *target, char *text)
{
    char *end = strchr(text, ']');
    if (!end || !strchr(text, ':') || (end[1] != '\0' && end[1] != '/'))
        return wrong_form;
    *end = '\0';
    return take_network(target, text + 1, end + 1);
}

/* ---- Names ----------------------------------------------------------------------------------- */

static const char *take_name(struct config_target *target, const char *text)
{
    bool below = strncmp(text, "*.", 2) == 0;
    const char *name = below ? text + 2 : text;
    size_t length = strlen(name);
    target->kind = below ? CONFIG_TARGET_BELOW : CONFIG_TARGET_NAME;
    if (!names_is_dns(name) || length >= sizeof(target->name))
        return wrong_form;
    for (size_t i = 0; i <= length; i++)
        target->name[i] = (char)tolower((unsigned char)name[i]);
    return NULL;
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

static const char *take_place(struct config_target *target, char *text)
{
    char *slash = strchr(text, '/');
    if (strcmp(text, "*") == 0) {
        target->kind = CONFIG_TARGET_ANY;
        return NULL;
    }
    if (text[0] == '[')
        return take_bracketed(target, text);
    if (slash) {
        char prefix[PORT_TEXT_MAX];
        (void)snprintf(prefix, sizeof(prefix), "%s", slash);
        *slash = '\0';
        return take_network(target, text, prefix);
    }
    return names_is_ipv4(text) || strchr(text, ':') ? take_network(target, text, "")
                                                    : take_name(target, text);
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

const char *config_target_parse(const char *text, struct config_target *target)
{
    char copy[CONFIG_TARGET_TEXT_MAX + 1];
    *target = (struct config_target){.port_count = 0};
    if (strlen(text) >= sizeof(copy))
        return "is too long";
    (void)snprintf(copy, sizeof(copy), "%s", text);
    char *colon = find_ports(copy);
    const char *wrong = colon ? parse_ports(target, colon + 1) : NULL;
    if (colon)
        *colon = '\0';
    return wrong ? wrong : take_place(target, copy);
}

const char *names_wrong_target(const char *text)
{
    struct config_target target;
    return config_target_parse(text, &target);
}
