/* Decodes any bytes as a PROXY header of either version. It may not depend on how the bytes are
 * split, every value is inside the input, and what was decoded can be encoded and decoded again. */
#include "server/daemon/handlers/proxy_header.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void check_inside(struct proxy_bytes value, const uint8_t *input, size_t length)
{
    const uint8_t *at = value.at;
    must(!at || (at >= input && value.length <= length - (size_t)(at - input)));
}

/* Values without an "at" are absent in both. */
static void check_same(struct proxy_bytes one, struct proxy_bytes other)
{
    must(!one.at == !other.at && one.length == other.length);
    must(one.length == 0 || memcmp(one.at, other.at, one.length) == 0);
}

static void check_again(const struct proxy_header *header)
{
    uint8_t out[PROXY_HEADER_MAX];
    struct proxy_header again;
    const char *why = NULL;
    size_t length = 0;
    size_t written = proxy_header_encode(header, out, sizeof(out));
    must(written >= PROXY_HEADER_MIN);
    must(proxy_header_decode(out, written, &again, &length, &why) == PROXY_DONE);
    must(length == written && again.command == header->command);
    must(memcmp(&again.source, &header->source, sizeof(again.source)) == 0);
    must(memcmp(&again.destination, &header->destination, sizeof(again.source)) == 0);
    must(again.tlv_count == header->tlv_count && again.has_ssl == header->has_ssl);
    for (size_t i = 0; i < again.tlv_count; i++)
        check_same(again.tlvs[i].value, header->tlvs[i].value);
    check_same(again.ssl.version, header->ssl.version);
    check_same(again.ssl.cn, header->ssl.cn);
    check_same(again.ssl.cipher, header->ssl.cipher);
    check_same(again.ssl.certificate, header->ssl.certificate);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size = size < PROXY_HEADER_MAX + 8 ? size : PROXY_HEADER_MAX + 8;
    uint8_t *input = malloc(size ? size : 1); /* of the exact size, for the sanitizer */
    must(input);
    if (size)
        memcpy(input, data, size);
    struct proxy_header header;
    const char *why = NULL;
    size_t length = 0;
    enum proxy_result result = proxy_header_decode_any(input, size, &header, &length, &why);
    for (size_t cut = 0; cut < size; cut++) {
        struct proxy_header early;
        size_t wanted = 0;
        enum proxy_result before = proxy_header_decode_any(input, cut, &early, &wanted, &why);
        must(before != PROXY_MORE || wanted > cut);
        must(before == PROXY_MORE || before == result);
        must(before != PROXY_DONE || wanted == length);
    }
    if (result == PROXY_DONE) {
        must(length <= size);
        for (size_t i = 0; i < header.tlv_count; i++)
            check_inside(header.tlvs[i].value, input, length);
        check_again(&header);
    }
    must(result != PROXY_WRONG || why);
    free(input);
    return 0;
}
