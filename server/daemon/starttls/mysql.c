#include "server/daemon/starttls/mysql.h"

#include "server/daemon/starttls/protocol.h"

#include <string.h>

enum { HEADER_SIZE = 4, REQUEST_PAYLOAD = MYSQL_REQUEST_SIZE - HEADER_SIZE, VERSION_10 = 10 };
enum { PACKET_MAX = 128 * 1024, PACKETS_MAX = 32 };
enum type { TYPE_OK = 0x00, TYPE_ERROR = 0xff };
/* Of the capabilities, in their second byte. */
enum { SECOND_PROTOCOL_41 = 0x02, SECOND_TLS = 0x08 };

static size_t payload_of(const unsigned char *packet)
{
    return packet[0] | (size_t)packet[1] << 8 | (size_t)packet[2] << 16;
}

bool mysql_has_tls(unsigned char byte)
{
    return (byte & SECOND_TLS) != 0;
}

unsigned char mysql_set_tls(unsigned char byte, bool tls)
{
    return (unsigned char)(tls ? byte | SECOND_TLS : byte & ~SECOND_TLS);
}

/* ---- The greeting ---------------------------------------------------------------------------- */

static enum mysql_next not_mysql(struct error_text *why)
{
    (void)error_set(why, "it does not speak MySQL's protocol 10");
    return MYSQL_WRONG;
}

/* An error in place of a greeting: a number, perhaps a state, and a sentence. */
static enum mysql_next refused(const unsigned char *payload, size_t size, struct error_text *why)
{
    size_t skip = size < 3 ? size : 3;
    (void)error_set(why, "it refuses connections: \"%s\"",
                    starttls_quote(payload + skip, size - skip).text);
    return MYSQL_WRONG;
}

/* 10, the version and a zero, the number of the connection, eight bytes of salt, a zero, the
 * capabilities' first two bytes, and more. */
static enum mysql_next read_payload(const unsigned char *payload, size_t size, size_t *offer,
                                    struct error_text *why)
{
    if (payload[0] == TYPE_ERROR)
        return refused(payload, size, why);
    const unsigned char *end = memchr(payload, '\0', size);
    if (payload[0] != VERSION_10 || !end)
        return not_mysql(why);
    size_t second = (size_t)(end - payload) + 1 + 4 + 8 + 1 + 1;
    if (second + 1 + 2 + 2 + 1 + 10 >= size || !(payload[second] & SECOND_PROTOCOL_41))
        return not_mysql(why);
    *offer = HEADER_SIZE + second;
    return MYSQL_READY;
}

enum mysql_next mysql_read_greeting(const unsigned char *bytes, size_t size, size_t *used,
                                    size_t *offer, struct error_text *why)
{
    if (size > HEADER_SIZE && bytes[HEADER_SIZE] != VERSION_10 && bytes[HEADER_SIZE] != TYPE_ERROR)
        return not_mysql(why);
    if (size < HEADER_SIZE)
        return MYSQL_MORE;
    size_t payload = payload_of(bytes);
    if (payload == 0 || payload > MYSQL_GREETING_MAX - HEADER_SIZE || bytes[3] != 0)
        return not_mysql(why);
    if (size < HEADER_SIZE + payload)
        return MYSQL_MORE;
    *used = HEADER_SIZE + payload;
    return read_payload(bytes + HEADER_SIZE, payload, offer, why);
}

/* ---- The request for TLS --------------------------------------------------------------------- */

/* A client's first packet, as far as the capabilities. */
static bool is_answer(const unsigned char *bytes)
{
    size_t payload = payload_of(bytes);
    return payload >= REQUEST_PAYLOAD && payload <= PACKET_MAX && bytes[3] == 1;
}

static enum mysql_next wrong_answer(struct error_text *why)
{
    (void)error_set(why, "the client sent no answer to MySQL's greeting");
    return MYSQL_WRONG;
}

enum mysql_next mysql_read_request(const unsigned char *bytes, size_t size, struct error_text *why)
{
    if (size >= HEADER_SIZE && !is_answer(bytes))
        return wrong_answer(why);
    if (size < HEADER_SIZE + 2)
        return MYSQL_MORE;
    if (!(bytes[HEADER_SIZE + 1] & SECOND_PROTOCOL_41))
        return wrong_answer(why);
    if (!mysql_has_tls(bytes[HEADER_SIZE + 1])) {
        (void)error_set(why, "the client began without TLS");
        return MYSQL_WRONG;
    }
    if (payload_of(bytes) != REQUEST_PAYLOAD)
        return wrong_answer(why);
    return size < MYSQL_REQUEST_SIZE ? MYSQL_MORE : MYSQL_READY;
}

/* Error 3159, ER_SECURE_TRANSPORT_REQUIRED. */
size_t mysql_refuse(unsigned char answer[MYSQL_REFUSAL_MAX])
{
    static const char text[] = "\xff\x57\x0c#08004"
                               "TLS is required here: connect with --ssl";
    size_t payload = sizeof(text) - 1;
    const unsigned char header[HEADER_SIZE] = {(unsigned char)payload, 0, 0, 2};
    memcpy(answer, header, HEADER_SIZE);
    memcpy(answer + HEADER_SIZE, text, payload);
    return HEADER_SIZE + payload;
}

enum mysql_next mysql_make_request(const unsigned char *login, size_t size,
                                   unsigned char request[MYSQL_REQUEST_SIZE],
                                   struct error_text *why)
{
    static const unsigned char header[HEADER_SIZE] = {REQUEST_PAYLOAD, 0, 0, 1};
    if (size >= HEADER_SIZE && !is_answer(login))
        return wrong_answer(why);
    if (size < MYSQL_REQUEST_SIZE)
        return MYSQL_MORE;
    unsigned char second = login[HEADER_SIZE + 1];
    if (!(second & SECOND_PROTOCOL_41) || mysql_has_tls(second))
        return wrong_answer(why);
    memcpy(request, login, MYSQL_REQUEST_SIZE);
    memcpy(request, header, HEADER_SIZE);
    request[HEADER_SIZE + 1] = mysql_set_tls(second, true);
    return MYSQL_READY;
}

/* ---- The login ------------------------------------------------------------------------------- */

/* In TLS, packets have a number that is one higher. */
static unsigned char renumber(const struct mysql_flow *flow, unsigned char number)
{
    return (unsigned char)(flow->to_tls ? number + 1 : number - 1);
}

/* The header is there: its last byte is NUMBER. A client that does not wait for the end of its
 * login begins to count anew. */
static bool begin_packet(struct mysql_flow *flow, unsigned char number, struct error_text *why)
{
    if (flow->size <= PACKET_MAX && flow->packets++ < PACKETS_MAX && number != 0)
        return true;
    (void)error_set(why, "the %s's part of MySQL's login is not valid",
                    flow->from_client ? "client" : "server");
    return false;
}

static void end_packet(struct mysql_flow *flow)
{
    bool empty = flow->size == 0;
    flow->done =
        !flow->from_client && !empty && (flow->type == TYPE_OK || flow->type == TYPE_ERROR);
    flow->at = flow->size = 0;
}

/* The byte at flow->at, which is counted already. */
static bool pass_byte(struct mysql_flow *flow, unsigned char *byte, struct error_text *why)
{
    size_t at = flow->at++;
    if (at < HEADER_SIZE - 1) {
        flow->size |= (size_t)*byte << (8 * at);
    } else if (at == HEADER_SIZE - 1) {
        if (!begin_packet(flow, *byte, why))
            return false;
        *byte = renumber(flow, *byte);
    } else if (at == HEADER_SIZE) {
        flow->type = *byte;
    } else if (at == HEADER_SIZE + 1 && flow->from_client && flow->packets == 1) {
        *byte = mysql_set_tls(*byte, flow->to_tls);
    }
    if (flow->at >= HEADER_SIZE && flow->at == HEADER_SIZE + flow->size)
        end_packet(flow);
    return true;
}

bool mysql_pass(struct mysql_flow *flow, unsigned char *bytes, size_t size, struct error_text *why)
{
    for (size_t i = 0; i < size && !flow->done; i++)
        if (!pass_byte(flow, bytes + i, why))
            return false;
    return true;
}
