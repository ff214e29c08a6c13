/* Networks: "192.0.2.0/24", "2001:db8::/32". */
#include "config/internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

enum { IPV4_BITS = 32, IPV6_BITS = 128, MAPPED_BITS = 96, MAPPED_BYTES = 12 };

static unsigned bits_of(const struct config_network *network)
{
    return network->family == AF_INET ? IPV4_BITS : IPV6_BITS;
}

static bool parse_address(const char *text, size_t length, struct config_network *network)
{
    char address[INET6_ADDRSTRLEN];
    if (length >= sizeof(address))
        return false;
    memcpy(address, text, length);
    address[length] = '\0';
    network->family = strchr(address, ':') ? AF_INET6 : AF_INET;
    return inet_pton(network->family, address, network->address) == 1;
}

static bool parse_prefix(const char *text, struct config_network *network)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 3 || text[digits] != '\0' || (text[0] == '0' && digits > 1))
        return false;
    network->prefix = (unsigned)strtoul(text, NULL, 10);
    return network->prefix <= bits_of(network);
}

/* Clears the bits beyond the prefix. True if there were any. */
static bool clear_rest(struct config_network *network)
{
    uint8_t before[sizeof(network->address)];
    memcpy(before, network->address, sizeof(before));
    for (unsigned i = 0; i < sizeof(before); i++) {
        unsigned kept = network->prefix > i * 8 ? network->prefix - i * 8 : 0;
        if (kept < 8)
            network->address[i] &= (uint8_t)(0xff00U >> kept);
    }
    return memcmp(before, network->address, sizeof(before)) != 0;
}

static bool is_mapped(const struct config_network *network)
{
    static const uint8_t mapped[MAPPED_BYTES] = {[10] = 0xff, [11] = 0xff};
    return network->family == AF_INET6 && network->prefix >= MAPPED_BITS &&
           memcmp(network->address, mapped, sizeof(mapped)) == 0;
}

/* As a text; ADDRESS is a part of the network's that fits FAMILY. */
static void print(int family, const uint8_t *address, unsigned prefix, char *text, size_t size)
{
    char plain[INET6_ADDRSTRLEN] = "";
    (void)inet_ntop(family, address, plain, sizeof(plain));
    (void)snprintf(text, size, "%s/%u", plain, prefix);
}

static bool parse(const char *text, struct config_network *network, struct error_text *error)
{
    char right[INET6_ADDRSTRLEN + sizeof("/4294967295")];
    size_t length = strcspn(text, "/");
    if (!parse_address(text, length, network))
        return error_set(error, "must be a network, as in \"192.0.2.0/24\" or \"2001:db8::/32\"");
    unsigned bits = bits_of(network);
    if (text[length] == '\0')
        return error_set(error,
                         "the length of the prefix is missing; one address alone is \"%s/%u\"",
                         text, bits);
    if (!parse_prefix(text + length + 1, network))
        return error_set(error, "the length of the prefix must be a number from 0 to %u", bits);
    bool cleared = clear_rest(network);
    if (is_mapped(network)) {
        print(AF_INET, network->address + MAPPED_BYTES, network->prefix - MAPPED_BITS, right,
              sizeof(right));
        return error_set(error, "is an IPv4 network and is written so: \"%s\"", right);
    }
    print(network->family, network->address, network->prefix, right, sizeof(right));
    return !cleared || error_set(error, "has bits beyond the first %u; the network is \"%s\"",
                                 network->prefix, right);
}

bool network_parse(const char *text, struct config_network *network, struct error_text *error)
{
    *network = (struct config_network){0};
    if (parse(text, network, error))
        return true;
    *network = (struct config_network){0};
    return false;
}

bool network_contains(const struct config_network *outer, const struct config_network *inner)
{
    struct config_network cut = *inner;
    if (outer->family != inner->family || outer->prefix > inner->prefix)
        return false;
    cut.prefix = outer->prefix;
    (void)clear_rest(&cut);
    return memcmp(cut.address, outer->address, sizeof(cut.address)) == 0;
}
