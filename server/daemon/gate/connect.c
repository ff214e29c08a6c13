#include "server/daemon/gate/connect.h"

#include "server/daemon/handlers/http/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reply {
    int status;
    const char *phrase;
    const char *text;
};

static const struct reply replies[GATE_ALL_OUTCOMES] = {
    [GATE_NOT_ALLOWED] = {403, "Forbidden", "This client may not reach that name."},
    [GATE_UNKNOWN] = {404, "Not Found", "No device can have that name here."},
    [GATE_FAILED] = {502, "Bad Gateway", "The device could not be reached."},
    [GATE_BUSY] = {503, "Service Unavailable", "This gate is about to stop."},
    [GATE_FULL] = {503, "Service Unavailable", "Too many clients are joined to devices."},
    [GATE_NONE_CAME] = {504, "Gateway Timeout", "No device of that name is connected."},
    [GATE_REFUSED] = {502, "Bad Gateway", "The target refuses the connection."},
    [GATE_NO_HOST] = {502, "Bad Gateway", "The target cannot be found."},
    [GATE_NO_NETWORK] = {502, "Bad Gateway", "The target's network cannot be reached."},
    [GATE_NO_ANSWER] = {504, "Gateway Timeout", "The target does not answer."},
};

static void set_reply(struct gate_talk *talk, const struct reply *reply)
{
    char answer[GATE_ANSWER_MAX + 1];
    int length =
        snprintf(answer, sizeof(answer),
                 "HTTP/1.1 %d %s\r\n%sContent-Type: text/plain\r\n"
                 "Content-Length: %zu\r\nConnection: close\r\n\r\n%s\r\n",
                 reply->status, reply->phrase, reply->status == 405 ? "Allow: CONNECT\r\n" : "",
                 strlen(reply->text) + 2, reply->text);
    gate_set_answer(talk, answer, (size_t)length);
}

static void answer(struct gate_talk *talk, enum gate_outcome outcome)
{
    static const char reached[] = "HTTP/1.1 200 Connected\r\n\r\n";
    if (outcome == GATE_REACHED)
        gate_set_answer(talk, reached, sizeof(reached) - 1);
    else
        set_reply(talk, &replies[outcome]);
}

static enum gate_next refuse_head(struct gate_talk *talk, size_t size, enum http_head head)
{
    static const struct reply bad = {400, "Bad Request", "This is not a valid CONNECT request."};
    static const struct reply large = {431, "Request Header Fields Too Large",
                                       "The head of the request may have 8192 bytes."};
    bool too_large = head == HTTP_URI_TOO_LONG || head == HTTP_FIELDS_TOO_LARGE;
    set_reply(talk, too_large ? &large : &bad);
    return gate_wrong(talk, size,
                      too_large ? "the head of the client's request is too large"
                                : "the client sent no valid CONNECT request");
}

/* The authority's grammar was checked: "name:80", "192.0.2.1:80", "[2001:db8::1]:80", each perhaps
 * without the port, which CONNECT must have. */
static bool take_authority(struct gate_request *request, struct http_text authority)
{
    const char *name = authority.at;
    const char *colon = memrchr(name, ':', authority.length);
    if (!colon || memchr(colon, ']', authority.length - (size_t)(colon - name)))
        return false;
    char digits[8] = "";
    memcpy(digits, colon + 1, authority.length - (size_t)(colon + 1 - name));
    long port = strtol(digits, NULL, 10);
    bool bracketed = name[0] == '[';
    size_t length = (size_t)(colon - name) - (bracketed ? 2 : 0);
    if (port < 1 || port > UINT16_MAX || !gate_take_name(request, name + bracketed, length))
        return false;
    request->port = (uint16_t)port;
    return bracketed == (request->is_address && strchr(request->name, ':'));
}

static bool is_zero(struct http_text text)
{
    return text.at && text.length == strspn(text.at, "0") && text.length > 0;
}

/* Its head was valid HTTP. */
static enum gate_next take_request(struct gate_talk *talk, const struct http_request *http,
                                   size_t size)
{
    static const struct reply method = {405, "Method Not Allowed",
                                        "This gate takes only CONNECT requests."};
    if (http->method != HTTP_CONNECT) {
        set_reply(talk, &method);
        return gate_wrong(talk, size, "the client sent another request than CONNECT");
    }
    if (http->has_body || !take_authority(&talk->request, http->authority))
        return refuse_head(talk, size, HTTP_BAD_REQUEST);
    talk->request.passed_on = is_zero(http->fields[HTTP_MAX_FORWARDS]);
    return GATE_NAMED;
}

/* Parses from the beginning each time, so that no pointer into the input is kept. */
static enum gate_next read_head(struct gate_talk *talk, const unsigned char *input, size_t size)
{
    struct http_parser parser = {.line = 0};
    talk->used = 0;
    if (size == 0)
        return GATE_MORE;
    if (input[0] == 0x16 || input[0] == 5 || input[0] == 4)
        return gate_wrong_protocol(talk, input, size);
    enum http_head head =
        http_parse(&parser, (const char *)input, size < GATE_INPUT_MAX ? size : GATE_INPUT_MAX);
    if (head == HTTP_MORE && size >= GATE_INPUT_MAX)
        head = HTTP_FIELDS_TOO_LARGE;
    if (head == HTTP_MORE)
        return GATE_MORE;
    if (head != HTTP_DONE)
        return refuse_head(talk, size, head);
    talk->used = parser.scanned;
    return take_request(talk, &parser.request, size);
}

const struct gate_protocol gate_connect = {.name = "connect", .read = read_head, .answer = answer};
