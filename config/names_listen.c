/* Texts about sockets: modes of files, addresses without a port, network interfaces. */
#include "config/internal.h"

#include <arpa/inet.h>
#include <stdlib.h>

enum { DEVICE_MAX = 15 }; /* IFNAMSIZ less the NUL */

bool names_is_zoned_ipv6(const char *host)
{
    char bare[INET6_ADDRSTRLEN];
    size_t length = strcspn(host, "%");
    if (host[length] == '%' && host[length + 1] == '\0')
        return false;
    if (length >= sizeof(bare))
        return false;
    memcpy(bare, host, length);
    bare[length] = '\0';
    return names_is_ipv6(bare);
}

bool config_mode_parse(const char *text, unsigned *mode)
{
    size_t digits = strspn(text, "01234567");
    bool good = text[digits] == '\0' && (digits == 3 || (digits == 4 && text[0] == '0'));
    *mode = good ? (unsigned)strtoul(text, NULL, 8) : 0;
    return good;
}

const char *names_wrong_mode(const char *text)
{
    unsigned mode;
    return config_mode_parse(text, &mode) ? NULL : "must be the mode of a file, such as \"0660\"";
}

const char *names_wrong_ip(const char *text)
{
    if (names_is_ipv4(text) || names_is_zoned_ipv6(text))
        return NULL;
    return "must be an IP address of this machine without a port, as in 192.0.2.1 or 2001:db8::1";
}

const char *names_wrong_device(const char *text)
{
    return strlen(text) <= DEVICE_MAX && !strpbrk(text, "/: ")
               ? NULL
               : "must be the name of a network interface, such as eth1";
}
