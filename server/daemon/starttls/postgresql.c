#include "server/daemon/starttls/postgresql.h"

#include <string.h>

enum { REQUEST_SIZE = 8, CANCEL_SIZE = 16, TLS_HANDSHAKE = 0x16, STARTUP_MAX = 10000 };
enum code {
    CODE_CANCEL = 80877102,
    CODE_SSL = 80877103,
    CODE_GSS = 80877104,
    CODE_START = 3 << 16
};
enum stage { STAGE_FIRST, STAGE_AFTER_GSS, STAGE_AFTER_SSL };

static const unsigned char ssl_request[REQUEST_SIZE] = {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};

static uint32_t number(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* ---- For a client ---------------------------------------------------------------------------- */

/* To one that begins without TLS: in the form that its user gets to see. */
static enum starttls_next refuse_plain(struct starttls_talk *talk)
{
    static const char refusal[] = "E\0\0\0\x56"
                                  "SFATAL\0"
                                  "VFATAL\0"
                                  "C28000\0"
                                  "MTLS is required here: connect with sslmode=require or more\0";
    _Static_assert(sizeof(refusal) - 1 == 0x56, "its size is that of the message");
    starttls_set_answer(talk, refusal, sizeof(refusal));
    return starttls_wrong(talk, "the client began without TLS (sslmode=disable)");
}

static enum starttls_next not_postgresql(struct starttls_talk *talk)
{
    return starttls_wrong(talk, "the client sent no request of PostgreSQL");
}

/* The client is asked for nothing: it speaks first. */
static enum starttls_next take_request(struct starttls_talk *talk, uint32_t size, uint32_t code)
{
    if (size == REQUEST_SIZE && code == CODE_SSL) {
        starttls_set_answer(talk, "S", 1);
        talk->used = REQUEST_SIZE;
        return STARTTLS_DONE;
    }
    if (size == REQUEST_SIZE && code == CODE_GSS && talk->stage == STAGE_FIRST) {
        starttls_set_answer(talk, "N", 1);
        talk->stage = STAGE_AFTER_GSS;
        return starttls_send(talk, REQUEST_SIZE);
    }
    if (size == CANCEL_SIZE && code == CODE_CANCEL)
        return starttls_wrong(talk, "the client sent a cancel request without TLS, as libpq before "
                                    "version 17 does");
    if (size > REQUEST_SIZE && size <= STARTUP_MAX && code >> 16 == CODE_START >> 16)
        return refuse_plain(talk);
    return not_postgresql(talk);
}

static enum starttls_next read_client(struct starttls_talk *talk, const unsigned char *input,
                                      size_t size)
{
    talk->used = talk->answer.size = 0;
    if (size == 0)
        return STARTTLS_MORE;
    if (input[0] == TLS_HANDSHAKE && talk->stage == STAGE_FIRST)
        return STARTTLS_DIRECT;
    if (input[0] != 0 || (size > 1 && input[1] != 0))
        return not_postgresql(talk);
    if (size < REQUEST_SIZE)
        return STARTTLS_MORE;
    return take_request(talk, number(input), number(input + 4));
}

/* ---- For a server ---------------------------------------------------------------------------- */

/* The text of an error is not shown: it may be anybody's, since TLS has not begun (CVE-2024-10977).
 */
static enum starttls_next read_server(struct starttls_talk *talk, const unsigned char *input,
                                      size_t size)
{
    talk->used = talk->answer.size = 0;
    if (talk->stage == STAGE_FIRST) {
        starttls_set_answer(talk, ssl_request, sizeof(ssl_request));
        talk->stage = STAGE_AFTER_SSL;
        return starttls_send(talk, 0);
    }
    if (size == 0)
        return STARTTLS_MORE;
    switch (input[0]) {
    case 'S':
        talk->used = 1;
        return STARTTLS_DONE;
    case 'N':
        return starttls_wrong(talk, "the PostgreSQL server has TLS switched off (ssl = off)");
    case 'E':
        return starttls_wrong(talk, "the PostgreSQL server answered the request for TLS with an "
                                    "error; its log says which");
    default:
        return starttls_wrong(talk,
                              "the server does not speak PostgreSQL: it answered the request "
                              "for TLS with byte 0x%02x",
                              input[0]);
    }
}

/* ---- For a local client ---------------------------------------------------------------------- */

static bool asks_for_encryption(const unsigned char *input)
{
    uint32_t code = number(input + 4);
    return number(input) == REQUEST_SIZE && (code == CODE_SSL || code == CODE_GSS);
}

static enum starttls_next read_local(struct starttls_talk *talk, const unsigned char *input,
                                     size_t size)
{
    talk->used = talk->answer.size = 0;
    if (size > 0 && memcmp(input, ssl_request, size < 4 ? size : 4) != 0)
        return STARTTLS_DONE;
    if (size < REQUEST_SIZE)
        return STARTTLS_MORE;
    if (!asks_for_encryption(input))
        return STARTTLS_DONE;
    starttls_set_answer(talk, "N", 1);
    return starttls_send(talk, REQUEST_SIZE);
}

const struct starttls_protocol starttls_postgresql_server = {.name = "postgresql",
                                                             .read = read_client},
                               starttls_postgresql_client = {.name = "postgresql",
                                                             .read = read_server},
                               starttls_postgresql_local = {.name = "postgresql",
                                                            .read = read_local};
