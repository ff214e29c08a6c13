#include "server/daemon/starttls/ldap.h"

#include "server/daemon/starttls/ber.h"

#include <string.h>

/* RFC 4511 appendix B, and section 4.1.9 for the results. */
enum tag {
    TAG_INTEGER = 0x02,
    TAG_STRING = 0x04,
    TAG_ENUMERATED = 0x0a,
    TAG_MESSAGE = 0x30,
    TAG_REFERRAL = 0xa3,
    TAG_CONTROLS = 0xa0,
    TAG_UNBIND = 0x42,
    TAG_EXTENDED = 0x77,
    TAG_EXTENDED_RESPONSE = 0x78,
    TAG_REQUEST_NAME = 0x80,
    TAG_RESPONSE_NAME = 0x8a,
    TAG_RESPONSE_VALUE = 0x8b
};
enum result {
    RESULT_SUCCESS = 0,
    RESULT_PROTOCOL_ERROR = 2,
    RESULT_CONFIDENTIALITY_REQUIRED = 13,
    RESULT_UNAVAILABLE = 52
};
enum stage { STAGE_ASK, STAGE_ASKED };

static const char start_tls[] = "1.3.6.1.4.1.1466.20037";
static const char disconnection[] = "1.3.6.1.4.1.1466.20036";

/* ---- Messages -------------------------------------------------------------------------------- */

struct message {
    long id;
    unsigned tag; /* of the operation */
    struct ber content;
};

/* An envelope, whose size is known to be there: number, operation, perhaps controls. */
static bool read_message(struct message *message, const unsigned char *input, size_t size)
{
    struct ber ber = {.at = input, .left = size}, inside, controls;
    return ber_take(&ber, TAG_MESSAGE, &inside) &&
           ber_take_number(&inside, TAG_INTEGER, &message->id) &&
           ber_next(&inside, &message->tag, &message->content) &&
           (inside.left == 0 || ber_take(&inside, TAG_CONTROLS, &controls)) && inside.left == 0;
}

/* Is the first message of the input there, and how long is it? A client that does not begin with
 * one is not waited for. */
static enum ber_result measure(const unsigned char *input, size_t size, size_t *wanted)
{
    const struct ber ber = {.at = input, .left = size};
    if (size > 0 && input[0] != TAG_MESSAGE)
        return BER_WRONG;
    enum ber_result result = ber_size(&ber, wanted);
    if (result != BER_OK)
        return result;
    if (*wanted > STARTTLS_INPUT_MAX)
        return BER_WRONG;
    return *wanted > size ? BER_MORE : BER_OK;
}

static bool is_text(const struct ber *content, const char *text)
{
    return content->left == strlen(text) && memcmp(content->at, text, content->left) == 0;
}

/* ---- For a client ---------------------------------------------------------------------------- */

static void put(struct starttls_answer *answer, const void *bytes, size_t size)
{
    memcpy(answer->bytes + answer->size, bytes, size);
    answer->size += size;
}

static void put_element(struct starttls_answer *answer, enum tag tag, const void *bytes,
                        size_t size)
{
    const unsigned char header[2] = {(unsigned char)tag, (unsigned char)size};
    put(answer, header, sizeof(header));
    put(answer, bytes, size);
}

static void put_number(struct starttls_answer *answer, long number)
{
    unsigned char bytes[5] = {0};
    size_t begin = 4;
    for (size_t i = 0; i < 4; i++)
        bytes[4 - i] = (unsigned char)(number >> (8 * i));
    while (begin > 0 && (bytes[begin] >= 0x80 || ((int64_t)number >> (8 * (5 - begin))) != 0))
        begin--;
    put_element(answer, TAG_INTEGER, bytes + begin, sizeof(bytes) - begin);
}

/* A response of the type TAG, with a sentence and, if NAME is not NULL, a responseName. All lengths
 * are below 128. */
static void answer_with(struct starttls_talk *talk, long id, unsigned tag, enum result result,
                        const char *sentence, const char *name)
{
    struct starttls_answer whole = {.size = 0}, inside = {.size = 0}, response = {.size = 0};
    const unsigned char code = (unsigned char)result;
    put_element(&response, TAG_ENUMERATED, &code, 1);
    put_element(&response, TAG_STRING, "", 0);
    put_element(&response, TAG_STRING, sentence, strlen(sentence));
    if (name)
        put_element(&response, TAG_RESPONSE_NAME, name, strlen(name));
    put_number(&inside, id);
    put_element(&inside, tag, response.bytes, response.size);
    put_element(&whole, TAG_MESSAGE, inside.bytes, inside.size);
    starttls_set_answer(talk, whole.bytes, whole.size);
}

/* The type of the response to a request; 0: the request has none. */
static unsigned response_of(unsigned request)
{
    static const unsigned char pairs[][2] = {
        {0x60, 0x61}, /* bind */
        {0x63, 0x65}, /* search: its end */
        {0x66, 0x67}, /* modify */
        {0x68, 0x69}, /* add */
        {0x4a, 0x6b}, /* delete */
        {0x6c, 0x6d}, /* modify DN */
        {0x6e, 0x6f}, /* compare */
        {TAG_EXTENDED, TAG_EXTENDED_RESPONSE},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        if (pairs[i][0] == request)
            return pairs[i][1];
    return 0;
}

static enum starttls_next no_ldap(struct starttls_talk *talk)
{
    answer_with(talk, 0, TAG_EXTENDED_RESPONSE, RESULT_PROTOCOL_ERROR, "", disconnection);
    return starttls_wrong(talk, "the client sent no request of LDAP");
}

/* Is it the request for TLS? It has no value. */
static bool asks_for_tls(const struct message *message)
{
    struct ber content = message->content, name;
    return message->tag == TAG_EXTENDED && ber_take(&content, TAG_REQUEST_NAME, &name) &&
           content.left == 0 && is_text(&name, start_tls);
}

static enum starttls_next take_request(struct starttls_talk *talk, const struct message *message,
                                       size_t size)
{
    unsigned response = response_of(message->tag);
    if (asks_for_tls(message)) {
        answer_with(talk, message->id, TAG_EXTENDED_RESPONSE, RESULT_SUCCESS, "", start_tls);
        talk->used = size;
        return STARTTLS_DONE;
    }
    if (message->tag == TAG_UNBIND)
        return starttls_wrong(talk, "the client has ended without asking for TLS");
    if (response == 0)
        return no_ldap(talk);
    answer_with(talk, message->id, response, RESULT_CONFIDENTIALITY_REQUIRED,
                "TLS is required here: ask for StartTLS first", NULL);
    return starttls_send(talk, size);
}

static enum starttls_next read_client(struct starttls_talk *talk, const unsigned char *input,
                                      size_t size)
{
    size_t wanted;
    struct message message;
    talk->used = talk->answer.size = 0;
    if (size > 0 && input[0] == 0x16)
        return starttls_wrong(talk, "the client began TLS at once (ldaps) where it must ask for it "
                                    "(StartTLS)");
    enum ber_result result = measure(input, size, &wanted);
    if (result == BER_MORE)
        return STARTTLS_MORE;
    if (result == BER_WRONG || !read_message(&message, input, wanted) || message.id == 0)
        return no_ldap(talk);
    return take_request(talk, &message, wanted);
}

/* ---- For a server ---------------------------------------------------------------------------- */

static enum starttls_next ask(struct starttls_talk *talk)
{
    static const unsigned char head[] = {TAG_MESSAGE,  29, TAG_INTEGER,      1, 1,
                                         TAG_EXTENDED, 24, TAG_REQUEST_NAME, 22};
    starttls_set_answer(talk, head, sizeof(head));
    put(&talk->answer, start_tls, sizeof(start_tls) - 1);
    talk->stage = STAGE_ASKED;
    return starttls_send(talk, 0);
}

static enum starttls_next not_allowed(struct starttls_talk *talk, long result,
                                      const struct ber *sentence)
{
    const char *why = result == RESULT_PROTOCOL_ERROR ? "it has no StartTLS, or no certificate: "
                      : result == RESULT_UNAVAILABLE  ? "its TLS is not available: "
                                                      : "";
    return starttls_wrong(talk, "the LDAP server refused StartTLS with result %ld: %s\"%s\"",
                          result, why, starttls_quote(sentence->at, sentence->left).text);
}

/* What may follow the result: each once, in this order. */
static bool is_end(struct ber *content)
{
    struct ber name, ignored;
    (void)ber_take(content, TAG_REFERRAL, &ignored);
    if (ber_take(content, TAG_RESPONSE_NAME, &name) && !is_text(&name, start_tls))
        return false;
    (void)ber_take(content, TAG_RESPONSE_VALUE, &ignored);
    return content->left == 0;
}

static enum starttls_next take_response(struct starttls_talk *talk, const struct message *message,
                                        size_t size)
{
    long result;
    struct ber content = message->content, matched, sentence;
    if (message->tag != TAG_EXTENDED_RESPONSE || message->id > 1 ||
        !ber_take_number(&content, TAG_ENUMERATED, &result) ||
        !ber_take(&content, TAG_STRING, &matched) || !ber_take(&content, TAG_STRING, &sentence))
        return starttls_wrong(talk, "the LDAP server sent no valid response to StartTLS");
    if (result != RESULT_SUCCESS || message->id == 0)
        return not_allowed(talk, result, &sentence);
    if (!is_end(&content))
        return starttls_wrong(talk, "the LDAP server sent no valid response to StartTLS");
    talk->used = size;
    return STARTTLS_DONE;
}

static enum starttls_next read_server(struct starttls_talk *talk, const unsigned char *input,
                                      size_t size)
{
    size_t wanted;
    struct message message;
    talk->used = talk->answer.size = 0;
    if (talk->stage == STAGE_ASK)
        return ask(talk);
    enum ber_result result = measure(input, size, &wanted);
    if (result == BER_MORE)
        return STARTTLS_MORE;
    if (result == BER_WRONG || !read_message(&message, input, wanted))
        return starttls_wrong(talk, "the server does not speak LDAP, or TLS must begin at once "
                                    "(ldaps, without \"starttls\")");
    return take_response(talk, &message, wanted);
}

const struct starttls_protocol starttls_ldap_server = {.name = "ldap", .read = read_client},
                               starttls_ldap_client = {.name = "ldap", .read = read_server};
