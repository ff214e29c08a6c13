#include "server/daemon/convert/values.h"

#include "config/internal.h"

#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS_WANTED "expected a port, HOST:PORT or the path of a unix socket"

bool value_number(const char *text, unsigned long max, unsigned long *number)
{
    size_t length = strlen(text);
    if (length == 0 || length > 10 || strspn(text, "0123456789") != length)
        return false;
    *number = strtoul(text, NULL, 10);
    return *number <= max;
}

bool value_seconds(const char *text, struct value_text *duration)
{
    unsigned long seconds = 0;
    if (!value_number(text, DURATION_MAX / 1000, &seconds))
        return false;
    struct duration_text printed = duration_print((int64_t)seconds * 1000);
    (void)snprintf(duration->text, sizeof(duration->text), "%s", printed.text);
    return true;
}

bool value_is_ip(const char *text)
{
    return names_is_ipv4(text) || names_is_ipv6(text);
}

bool value_is_pkcs11(const char *text)
{
    return text && strncasecmp(text, "pkcs11:", 7) == 0;
}

/* A number, or a name of /etc/services. 0: neither. */
static unsigned port_of(const char *text)
{
    unsigned long number = 0;
    if (value_number(text, UINT16_MAX, &number))
        return (unsigned)number;
    size_t length = strlen(text);
    if (length == 0 || length > 32 || !isalpha((unsigned char)text[0]) ||
        names_span(text, "-") != length)
        return 0;
    struct servent entry, *service = NULL;
    char buffer[2048];
    int error = getservbyname_r(text, "tcp", &entry, buffer, sizeof(buffer), &service);
    return error == 0 && service ? ntohs((uint16_t)service->s_port) : 0;
}

static bool write_unix(struct value_text *address, const char *path)
{
    int length = snprintf(address->text, sizeof(address->text), "unix:%s", path);
    return length > 0 && (size_t)length < sizeof(address->text);
}

/* HOST has LENGTH bytes, with or without brackets. */
static bool write_tcp(struct value_text *address, const char *host, size_t length, unsigned port)
{
    bool in_brackets = length >= 2 && host[0] == '[' && host[length - 1] == ']';
    if (in_brackets) {
        host++;
        length -= 2;
    }
    bool is_v6 = memchr(host, ':', length);
    int written = snprintf(address->text, sizeof(address->text), is_v6 ? "[%.*s]:%u" : "%.*s:%u",
                           (int)length, host, port);
    return written > 0 && (size_t)written < sizeof(address->text);
}

bool value_address(const char *text, const char *host, struct value_text *address, const char **why)
{
    *why = ADDRESS_WANTED;
    size_t length = strlen(text);
    if (length == 0 || length > 300)
        return false;
    if (strncmp(text, "unix:", 5) == 0)
        return write_unix(address, text + 5);
    if (text[0] == '/')
        return write_unix(address, text);
    const char *colon = strrchr(text, ':');
    unsigned port = port_of(colon ? colon + 1 : text);
    if (port == 0 && strcmp(colon ? colon + 1 : text, "0") != 0)
        return false;
    size_t host_length = colon ? (size_t)(colon - text) : 0;
    bool is_any = host_length == 0 || (host_length == 1 && text[0] == '*') ||
                  (host_length == 3 && strncmp(text, "[*]", 3) == 0);
    return is_any ? write_tcp(address, host, strlen(host), port)
                  : write_tcp(address, text, host_length, port);
}

struct value_text value_host(const char *address)
{
    struct value_text host = {.text = ""};
    const char *colon = strrchr(address, ':');
    if (!colon || strncmp(address, "unix:", 5) == 0)
        return host;
    size_t brackets = address[0] == '[' ? 1 : 0;
    size_t length = (size_t)(colon - address) - 2 * brackets;
    if (length < sizeof(host.text))
        memcpy(host.text, address + brackets, length);
    return host;
}

bool value_next(const char **at, const char *separators, struct value_text *part)
{
    *at += strspn(*at, separators);
    *at += strspn(*at, " \t");
    size_t length = strcspn(*at, separators);
    const char *begin = *at;
    *at += length;
    while (length > 0 && isspace((unsigned char)begin[length - 1]))
        length--;
    if (length == 0)
        return **at ? value_next(at, separators, part) : false;
    if (length >= sizeof(part->text))
        return false;
    memcpy(part->text, begin, length);
    part->text[length] = '\0';
    return true;
}
