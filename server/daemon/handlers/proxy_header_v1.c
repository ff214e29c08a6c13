/* The decoder of version 1: one line of text. */
#include "server/daemon/handlers/proxy_header.h"

#include "server/daemon/handlers/proxy_header_wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum { LINE_MIN = 15 /* "PROXY UNKNOWN\r\n" */, LINE_MAX = 107, PORT_MAX = 65535 };

static const char begins[] = "PROXY ";

static enum proxy_result wrong(const char **why, const char *text)
{
    *why = text;
    return PROXY_WRONG;
}

/* ---- Words ----------------------------------------------------------------------------------- */

struct words {
    const char *at;
    size_t left;
};

/* Takes the next word, up to the next space or the end, without its terminator. False: it is empty
 * or does not fit. */
static bool take_word(struct words *words, char *word, size_t size)
{
    const char *space = memchr(words->at, ' ', words->left);
    size_t length = space ? (size_t)(space - words->at) : words->left;
    if (length == 0 || length >= size || memchr(words->at, '\0', length))
        return false;
    memcpy(word, words->at, length);
    word[length] = '\0';
    size_t used = length + (space ? 1 : 0);
    bool dangles = space && used == words->left;
    words->at += used;
    words->left -= used;
    return !dangles;
}

static bool take_address(struct words *words, int family, struct sockaddr_storage *address)
{
    char word[INET6_ADDRSTRLEN];
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    bool is_v4 = family == AF_INET;
    void *to = is_v4 ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr;
    if (!take_word(words, word, sizeof(word)) || inet_pton(family, word, to) != 1)
        return false;
    memset(address, 0, sizeof(*address));
    memcpy(address, is_v4 ? (const void *)&v4 : (const void *)&v6, is_v4 ? sizeof(v4) : sizeof(v6));
    return true;
}

/* Decimal, without leading zeros. */
static bool take_port(struct words *words, struct sockaddr_storage *address)
{
    char word[sizeof("65535")];
    unsigned number = 0;
    if (!take_word(words, word, sizeof(word)) || (word[0] == '0' && word[1] != '\0'))
        return false;
    for (const char *at = word; *at != '\0'; at++) {
        if (*at < '0' || *at > '9')
            return false;
        number = number * 10 + (unsigned)(*at - '0');
    }
    in_port_t port = htons((uint16_t)number);
    size_t offset = address->ss_family == AF_INET ? offsetof(struct sockaddr_in, sin_port)
                                                  : offsetof(struct sockaddr_in6, sin6_port);
    memcpy((char *)address + offset, &port, sizeof(port));
    return number <= PORT_MAX;
}

/* ---- The line -------------------------------------------------------------------------------- */

static enum proxy_result read_line(struct words words, struct proxy_header *header,
                                   const char **why)
{
    char protocol[sizeof("UNKNOWN")] = "";
    *header = (struct proxy_header){.command = PROXY_PROXY};
    bool whole = take_word(&words, protocol, sizeof(protocol));
    if (strcmp(protocol, "UNKNOWN") == 0) /* what follows is to be ignored */
        return PROXY_DONE;
    bool is_v4 = strcmp(protocol, "TCP4") == 0;
    if (!whole || (!is_v4 && strcmp(protocol, "TCP6") != 0))
        return wrong(why, "it must be TCP4, TCP6 or UNKNOWN");
    int family = is_v4 ? AF_INET : AF_INET6;
    if (!take_address(&words, family, &header->source) ||
        !take_address(&words, family, &header->destination))
        return wrong(why, "an address is missing, or is not one");
    if (!take_port(&words, &header->source) || !take_port(&words, &header->destination))
        return wrong(why, "a port is missing, or is not one");
    if (words.left > 0)
        return wrong(why, "something follows the ports");
    return PROXY_DONE;
}

enum proxy_result proxy_header_decode_v1(const void *data, size_t size, struct proxy_header *header,
                                         size_t *length, const char **why)
{
    const char *text = data;
    size_t begin = sizeof(begins) - 1;
    size_t seen = size < LINE_MAX ? size : LINE_MAX;
    if (memcmp(text, begins, size < begin ? size : begin) != 0)
        return wrong(why, "it does not begin with \"PROXY \"");
    const char *end = memchr(text, '\r', seen);
    size_t before = end ? (size_t)(end - text) : seen;
    if (memchr(text, '\n', before))
        return wrong(why, "a line feed is in the line");
    if (before >= LINE_MAX - 1)
        return wrong(why, "its line is longer than 107 bytes");
    if (!end || before + 1 == size) {
        *length = size + (end ? 1 : 2);
        *length = *length > LINE_MIN ? *length : LINE_MIN;
        return PROXY_MORE;
    }
    if (end[1] != '\n')
        return wrong(why, "its line does not end with CR LF");
    *length = before + 2;
    return read_line((struct words){text + begin, before - begin}, header, why);
}

enum proxy_result proxy_header_decode_any(const void *data, size_t size,
                                          struct proxy_header *header, size_t *length,
                                          const char **why)
{
    bool is_text = size > 0 && *(const char *)data == begins[0];
    return is_text ? proxy_header_decode_v1(data, size, header, length, why)
                   : proxy_header_decode(data, size, header, length, why);
}
