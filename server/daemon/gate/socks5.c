#include "server/daemon/gate/socks5.h"

#include <arpa/inet.h>
#include <string.h>

enum { VERSION = 5, COMMAND_CONNECT = 1 };
enum { TYPE_IPV4 = 1, TYPE_NAME = 3, TYPE_IPV6 = 4 };
enum stage { STAGE_METHODS, STAGE_REQUEST };

/* RFC 1928 section 6. */
enum reply {
    REPLY_SUCCEEDED = 0,
    REPLY_FAILURE = 1,
    REPLY_NOT_ALLOWED = 2,
    REPLY_NETWORK_UNREACHABLE = 3,
    REPLY_HOST_UNREACHABLE = 4,
    REPLY_CONNECTION_REFUSED = 5,
    REPLY_TTL_EXPIRED = 6,
    REPLY_NO_SUCH_COMMAND = 7,
    REPLY_NO_SUCH_TYPE = 8
};

/* The address that we have bound is nobody's business: 0.0.0.0:0. */
static void set_reply(struct gate_talk *talk, enum reply reply)
{
    const unsigned char bytes[10] = {VERSION, (unsigned char)reply, 0, TYPE_IPV4};
    gate_set_answer(talk, bytes, sizeof(bytes));
}

static void answer(struct gate_talk *talk, enum gate_outcome outcome)
{
    static const enum reply replies[GATE_ALL_OUTCOMES] = {
        [GATE_REACHED] = REPLY_SUCCEEDED,
        [GATE_NOT_ALLOWED] = REPLY_NOT_ALLOWED,
        [GATE_UNKNOWN] = REPLY_HOST_UNREACHABLE,
        [GATE_FAILED] = REPLY_FAILURE,
        [GATE_BUSY] = REPLY_FAILURE,
        [GATE_FULL] = REPLY_FAILURE,
        [GATE_NONE_CAME] = REPLY_TTL_EXPIRED,
        [GATE_REFUSED] = REPLY_CONNECTION_REFUSED,
        [GATE_NO_HOST] = REPLY_HOST_UNREACHABLE,
        [GATE_NO_NETWORK] = REPLY_NETWORK_UNREACHABLE,
        [GATE_NO_ANSWER] = REPLY_TTL_EXPIRED,
    };
    set_reply(talk, replies[outcome]);
}

static enum gate_next refuse(struct gate_talk *talk, size_t size, enum reply reply, const char *why)
{
    set_reply(talk, reply);
    return gate_wrong(talk, size, why);
}

/* VERSION, how many methods, the methods. */
static enum gate_next read_methods(struct gate_talk *talk, const unsigned char *input, size_t size)
{
    unsigned char chosen[2] = {VERSION, 0};
    if (size < 2 || size < 2U + input[1])
        return GATE_MORE;
    bool offered = memchr(input + 2, 0, input[1]);
    chosen[1] = offered ? 0 : 0xff;
    gate_set_answer(talk, chosen, sizeof(chosen));
    if (!offered)
        return gate_wrong(talk, size,
                          "the SOCKS5 client wants authentication by a method; "
                          "the gate has only \"none\"");
    talk->used = 2U + input[1];
    talk->stage = STAGE_REQUEST;
    return GATE_SEND;
}

/* Where the address begins, and its size; 0: its type is not known. INPUT has five bytes. */
static size_t address_size(const unsigned char *input, size_t *begin)
{
    *begin = input[3] == TYPE_NAME ? 5 : 4;
    switch (input[3]) {
    case TYPE_IPV4:
        return sizeof(struct in_addr);
    case TYPE_IPV6:
        return sizeof(struct in6_addr);
    case TYPE_NAME:
        return input[4];
    default:
        return 0;
    }
}

static bool take_address(struct gate_request *request, const unsigned char *input, size_t begin,
                         size_t size)
{
    if (input[3] == TYPE_NAME)
        return gate_take_name(request, (const char *)input + begin, size);
    request->is_address = true;
    return inet_ntop(input[3] == TYPE_IPV4 ? AF_INET : AF_INET6, input + begin, request->name,
                     sizeof(request->name));
}

/* VERSION, command, 0, the address' type, the address, the port. */
static enum gate_next read_request(struct gate_talk *talk, const unsigned char *input, size_t size)
{
    size_t begin;
    if (size >= 3 && (input[2] != 0 || input[1] != COMMAND_CONNECT))
        return refuse(talk, size, input[2] != 0 ? REPLY_FAILURE : REPLY_NO_SUCH_COMMAND,
                      "the SOCKS5 client sent another request than CONNECT");
    if (size < 5)
        return GATE_MORE;
    size_t length = address_size(input, &begin);
    if (length == 0)
        return refuse(talk, size, REPLY_NO_SUCH_TYPE,
                      "the SOCKS5 client sent no name and no address");
    if (size < begin + length + 2)
        return GATE_MORE;
    const unsigned char *port = input + begin + length;
    talk->request.port = (uint16_t)(port[0] << 8 | port[1]);
    if (talk->request.port == 0 || !take_address(&talk->request, input, begin, length))
        return refuse(talk, size, REPLY_FAILURE, "the SOCKS5 client sent an invalid name or port");
    talk->used = begin + length + 2;
    return GATE_NAMED;
}

static enum gate_next read_some(struct gate_talk *talk, const unsigned char *input, size_t size)
{
    talk->used = 0;
    if (size == 0)
        return GATE_MORE;
    if (input[0] != VERSION && talk->stage == STAGE_METHODS)
        return gate_wrong_protocol(talk, input, size);
    if (input[0] != VERSION)
        return refuse(talk, size, REPLY_FAILURE, "the SOCKS5 client sent no SOCKS5 request");
    return talk->stage == STAGE_METHODS ? read_methods(talk, input, size)
                                        : read_request(talk, input, size);
}

const struct gate_protocol gate_socks5 = {.name = "socks5", .read = read_some, .answer = answer};
