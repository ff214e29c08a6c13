#include "relay/hello.h"

#include <openssl/evp.h>
#include <stdbool.h>

enum { RECORD_HEADER = 5, RECORD_MAX = 16384, HANDSHAKE_HEADER = 4 };
enum { TYPE_CCS = 0x14, TYPE_ALERT = 0x15, TYPE_HANDSHAKE = 0x16, TYPE_LAST = 0x18, MAJOR = 0x03 };
enum { HELLO_REQUEST = 0, CLIENT_HELLO = 1, SERVER_HELLO = 2 };

/* Text is recognized by its first byte: somebody who types it waits for an answer. */
static bool is_text(uint8_t byte)
{
    return (byte >= 0x20 && byte < 0x7f) || (byte >= 0x07 && byte <= 0x0d);
}

/* For bytes that begin no handshake record. With a header that TLS allows they come from a peer
 * that speaks TLS; otherwise they are not TLS. A record of an unknown type must have an allowed
 * length, or it could be anything. */
static enum hello classify_other(const uint8_t *header, size_t length)
{
    enum { CIPHERTEXT_MAX = RECORD_MAX + 2048 }; /* RFC 5246 section 6.2.3 */
    bool known = header[0] >= TYPE_CCS && header[0] <= TYPE_LAST;
    if (length == 1)
        return is_text(header[0]) ? HELLO_NOT_TLS : HELLO_PARTIAL;
    if (header[1] != MAJOR)
        return HELLO_NOT_TLS;
    if (length < RECORD_HEADER)
        return HELLO_PARTIAL;
    size_t body = ((size_t)header[3] << 8) | header[4];
    return body > 0 && (known || body <= CIPHERTEXT_MAX) ? HELLO_OTHER_RECORD : HELLO_NOT_TLS;
}

/* SSLv2 record header of two bytes, then CLIENT-HELLO = 1 and the version (RFC 5246 appendix E.2).
 */
static enum hello classify_v2(const uint8_t *bytes, size_t length)
{
    enum { V2_HEADER = 2, V2_MIN = 9 };
    if (length < V2_HEADER || (length == V2_HEADER && bytes[1] == MAJOR))
        return HELLO_PARTIAL;
    if (bytes[1] == MAJOR && bytes[2] != CLIENT_HELLO)
        return classify_other(bytes, length);
    size_t message = ((size_t)(bytes[0] & 0x7f) << 8) | bytes[1];
    if (message < V2_MIN)
        return HELLO_NOT_TLS;
    if (length > 2 && bytes[2] != CLIENT_HELLO)
        return HELLO_NOT_TLS;
    if (length > 3 && bytes[3] != MAJOR && bytes[3] != 0)
        return HELLO_NOT_TLS;
    bool enough = length >= V2_HEADER + message || length >= HELLO_MAX;
    return enough ? HELLO_CLIENT : HELLO_PARTIAL;
}

/* Does a handshake record begin here that OpenSSL would go on reading? */
static bool plausible_record(const uint8_t *header, size_t length)
{
    if (header[0] != TYPE_HANDSHAKE || (length > 1 && header[1] != MAJOR))
        return false;
    if (length < RECORD_HEADER)
        return true;
    size_t body = ((size_t)header[3] << 8) | header[4];
    return body > 0 && body <= RECORD_MAX;
}

static enum hello classify_type(uint8_t type)
{
    if (type == CLIENT_HELLO)
        return HELLO_CLIENT;
    if (type == SERVER_HELLO || type == HELLO_REQUEST)
        return HELLO_PEER_ANSWERS_AS_SERVER;
    return HELLO_OTHER_RECORD;
}

/* Follows the message that begins in the first record through the records, until it is complete. An
 * error after the first record makes it a bad ClientHello: OpenSSL answers with the right alert. */
static enum hello follow_message(const uint8_t *bytes, size_t length)
{
    size_t have = 0; /* bytes of the message seen so far */
    size_t want = HANDSHAKE_HEADER;
    for (size_t at = 0; at + RECORD_HEADER <= length;) {
        if (!plausible_record(bytes + at, length - at))
            return HELLO_CLIENT;
        size_t body = ((size_t)bytes[at + 3] << 8) | bytes[at + 4];
        size_t here = length - at - RECORD_HEADER;
        if (here > body)
            here = body;
        for (size_t i = 0; i < here && have + i < HANDSHAKE_HEADER; i++)
            if (have + i > 0) /* three bytes of length follow the type */
                want += (size_t)bytes[at + RECORD_HEADER + i] << (8 * (3 - (have + i)));
        have += here;
        if (have >= HANDSHAKE_HEADER && (have >= want || want > HELLO_MAX))
            return HELLO_CLIENT;
        at += RECORD_HEADER + body;
    }
    return HELLO_PARTIAL;
}

enum hello hello_classify(const uint8_t *bytes, size_t length)
{
    if (length == 0)
        return HELLO_PARTIAL;
    if (bytes[0] & 0x80)
        return classify_v2(bytes, length);
    if (bytes[0] == TYPE_ALERT) {
        if (length == 1)
            return HELLO_PARTIAL;
        return bytes[1] == MAJOR ? HELLO_ALERT : HELLO_NOT_TLS;
    }
    if (!plausible_record(bytes, length))
        return classify_other(bytes, length);
    if (length <= RECORD_HEADER)
        return HELLO_PARTIAL;
    enum hello type = classify_type(bytes[RECORD_HEADER]);
    if (type != HELLO_CLIENT || length >= HELLO_MAX)
        return type;
    return follow_message(bytes, length);
}

size_t hello_digest(const uint8_t *bytes, size_t length, uint8_t digest[HELLO_DIGEST])
{
    if (length <= RECORD_HEADER || bytes[0] != TYPE_HANDSHAKE ||
        hello_classify(bytes, length) != HELLO_CLIENT)
        return 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    size_t at = 0, have = 0, want = HANDSHAKE_HEADER;
    while (good && have < want && at + RECORD_HEADER <= length) {
        const uint8_t *body = bytes + at + RECORD_HEADER;
        size_t size = ((size_t)bytes[at + 3] << 8) | bytes[at + 4];
        if (bytes[at] != TYPE_HANDSHAKE || at + RECORD_HEADER + size > length)
            break;
        for (size_t i = 0; i < size && have + i < HANDSHAKE_HEADER; i++)
            if (have + i > 0)
                want += (size_t)body[i] << (8 * (3 - (have + i)));
        good = EVP_DigestUpdate(context, body, size);
        have += size;
        at += RECORD_HEADER + size;
    }
    good = good && have == want && EVP_DigestFinal_ex(context, digest, NULL);
    EVP_MD_CTX_free(context);
    return good ? at : 0;
}
