#include "server/daemon/gate/socks4.h"

#include <arpa/inet.h>
#include <string.h>

enum { VERSION = 4, COMMAND_CONNECT = 1, GRANTED = 90, REJECTED = 91 };
enum { HEAD = 8, USER_MAX = 255, NAME_FIELD_MAX = GATE_NAME_MAX + 1 }; /* a dot may end it */

static void set_reply(struct gate_talk *talk, unsigned char code)
{
    const unsigned char bytes[HEAD] = {0, code};
    gate_set_answer(talk, bytes, sizeof(bytes));
}

static void answer(struct gate_talk *talk, enum gate_outcome outcome)
{
    set_reply(talk, outcome == GATE_REACHED ? GRANTED : REJECTED);
}

static enum gate_next refuse(struct gate_talk *talk, size_t size, const char *why)
{
    set_reply(talk, REJECTED);
    return gate_wrong(talk, size, why);
}

/* A text that a NUL ends, at BEGIN. MORE: its end is not there yet; WRONG: it is too long. */
static enum gate_next find_end(const unsigned char *input, size_t size, size_t begin, size_t max,
                               size_t *end)
{
    size_t have = size > begin ? size - begin : 0;
    const unsigned char *nul = have > 0 ? memchr(input + begin, '\0', have) : NULL;
    size_t length = nul ? (size_t)(nul - input) - begin : have;
    if (length > max)
        return GATE_WRONG;
    *end = begin + length;
    return nul ? GATE_NAMED : GATE_MORE;
}

/* 0.0.0.x with x other than 0: a name follows the user's id. */
static bool has_name(const unsigned char *address)
{
    return address[0] == 0 && address[1] == 0 && address[2] == 0 && address[3] != 0;
}

static enum gate_next take_name(struct gate_talk *talk, const unsigned char *input, size_t size,
                                size_t begin)
{
    size_t end = begin;
    enum gate_next next = find_end(input, size, begin, NAME_FIELD_MAX, &end);
    if (next == GATE_MORE)
        return GATE_MORE;
    if (next == GATE_WRONG ||
        !gate_take_name(&talk->request, (const char *)input + begin, end - begin))
        return refuse(talk, size, "the SOCKS4a client sent an invalid name");
    talk->used = end + 1;
    return GATE_NAMED;
}

static enum gate_next take_address(struct gate_talk *talk, const unsigned char *input, size_t used)
{
    struct gate_request *request = &talk->request;
    request->is_address = true;
    (void)inet_ntop(AF_INET, input + 4, request->name, sizeof(request->name)); /* it has room */
    talk->used = used;
    return GATE_NAMED;
}

/* VERSION, command, the port, the address, the user's id and a NUL, perhaps a name and a NUL. */
static enum gate_next read_some(struct gate_talk *talk, const unsigned char *input, size_t size)
{
    size_t end = HEAD;
    talk->used = 0;
    if (size > 0 && input[0] != VERSION)
        return refuse(talk, size, "the client does not speak SOCKS4");
    if (size >= 2 && input[1] != COMMAND_CONNECT)
        return refuse(talk, size, "the SOCKS4 client sent another request than CONNECT");
    if (size < HEAD)
        return GATE_MORE;
    talk->request.port = (uint16_t)(input[2] << 8 | input[3]);
    if (talk->request.port == 0)
        return refuse(talk, size, "the SOCKS4 client sent an invalid port");
    enum gate_next user = find_end(input, size, HEAD, USER_MAX, &end);
    if (user == GATE_WRONG)
        return refuse(talk, size, "the SOCKS4 client sent a user's id of more than 255 bytes");
    if (user == GATE_MORE)
        return GATE_MORE;
    return has_name(input + 4) ? take_name(talk, input, size, end + 1)
                               : take_address(talk, input, end + 1);
}

const struct gate_protocol gate_socks4 = {.name = "socks4", .read = read_some, .answer = answer};
