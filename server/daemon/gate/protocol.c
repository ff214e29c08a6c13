#include "server/daemon/gate/protocol.h"

#include "config/config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

/* ---- Names ----------------------------------------------------------------------------------- */

/* Both forms are written in one way only, since names are compared as texts. */
static bool take_address(struct gate_request *request)
{
    unsigned char address[sizeof(struct in6_addr)];
    static const int families[] = {AF_INET, AF_INET6};
    for (size_t i = 0; i < 2; i++)
        if (inet_pton(families[i], request->name, address) == 1) {
            request->is_address = true;
            return inet_ntop(families[i], address, request->name, sizeof(request->name));
        }
    return false;
}

/* A last label of digits only would make a wrong address, such as 300.1.1.1, a name. */
static bool is_dns_name(const char *name)
{
    for (;;) {
        size_t length = strcspn(name, ".");
        if (!config_is_dns_label(name, length))
            return false;
        if (name[length] == '\0')
            return strspn(name, "0123456789") != length;
        name += length + 1;
    }
}

bool gate_take_name(struct gate_request *request, const char *text, size_t size)
{
    if (size > 0 && text[size - 1] == '.')
        size--;
    if (size > GATE_NAME_MAX || memchr(text, '\0', size))
        return false;
    for (size_t i = 0; i < size; i++)
        request->name[i] = (char)tolower((unsigned char)text[i]);
    request->name[size] = '\0';
    return take_address(request) || is_dns_name(request->name);
}

/* ---- Answers --------------------------------------------------------------------------------- */

void gate_set_answer(struct gate_talk *talk, const void *bytes, size_t size)
{
    memcpy(talk->answer.bytes, bytes, size);
    talk->answer.size = size;
}

enum gate_next gate_wrong(struct gate_talk *talk, size_t size, const char *why)
{
    talk->used = size;
    talk->why = why;
    return GATE_WRONG;
}

enum gate_next gate_wrong_protocol(struct gate_talk *talk, const unsigned char *input, size_t size)
{
    static const unsigned char no_method[] = {5, 0xff};
    static const unsigned char rejected[] = {0, 91, 0, 0, 0, 0, 0, 0}; /* SOCKS4 */
    static const char not_http[] = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
                                   "Content-Length: 26\r\nConnection: close\r\n\r\n"
                                   "This port speaks SOCKS5.\r\n";
    switch (input[0]) {
    case 0x16:
        return gate_wrong(talk, size, "the client began TLS where it must ask for a name");
    case 5:
        gate_set_answer(talk, no_method, sizeof(no_method));
        return gate_wrong(talk, size, "the client speaks SOCKS5 to a gate by \"connect\"");
    case 4:
        gate_set_answer(talk, rejected, sizeof(rejected));
        return gate_wrong(talk, size, "the client speaks SOCKS4, which sends no names");
    default:
        gate_set_answer(talk, not_http, sizeof(not_http) - 1);
        return gate_wrong(talk, size,
                          "the client does not speak SOCKS5; a gate by \"connect\" "
                          "would take HTTP");
    }
}
