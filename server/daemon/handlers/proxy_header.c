/* The decoder. Numbers are big-endian. */
#include "server/daemon/handlers/proxy_header.h"

#include "server/daemon/handlers/proxy_header_wire.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

const uint8_t proxy_signature[PROXY_SIGNATURE_SIZE] = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D,
                                                       0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};

struct input {
    const uint8_t *at;
    size_t left;
};

static uint16_t number_16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t number_32(const uint8_t *at)
{
    return (uint32_t)number_16(at) << 16 | number_16(at + 2);
}

static enum proxy_result wrong(const char **why, const char *text)
{
    *why = text;
    return PROXY_WRONG;
}

/* The first SIZE bytes, of which there is at least one, up to the length. */
static enum proxy_result check_start(const uint8_t *data, size_t size, const char **why)
{
    size_t compared = size < PROXY_SIGNATURE_SIZE ? size : PROXY_SIGNATURE_SIZE;
    if (memcmp(data, proxy_signature, compared) != 0)
        return wrong(why, "it does not begin with the signature of version 2");
    if (size > PROXY_AT_COMMAND && data[PROXY_AT_COMMAND] >> 4 != 2)
        return wrong(why, "the version is not 2");
    if (size > PROXY_AT_COMMAND && (data[PROXY_AT_COMMAND] & 15) > PROXY_PROXY)
        return wrong(why, "the command is not known");
    if (size > PROXY_AT_LENGTH &&
        data[PROXY_AT_LENGTH] > (PROXY_HEADER_MAX - PROXY_HEADER_MIN) >> 8)
        return wrong(why, "it is longer than 4096 bytes");
    if (size < PROXY_HEADER_MIN)
        return PROXY_MORE;
    if (number_16(data + PROXY_AT_LENGTH) > PROXY_HEADER_MAX - PROXY_HEADER_MIN)
        return wrong(why, "it is longer than 4096 bytes");
    return PROXY_DONE;
}

static void read_ipv4(const uint8_t *from, struct proxy_header *header)
{
    struct sockaddr_in source = {.sin_family = AF_INET};
    struct sockaddr_in destination = source;
    memcpy(&source.sin_addr, from, 4);
    memcpy(&destination.sin_addr, from + 4, 4);
    memcpy(&source.sin_port, from + 8, 2);
    memcpy(&destination.sin_port, from + 10, 2);
    memcpy(&header->source, &source, sizeof(source));
    memcpy(&header->destination, &destination, sizeof(destination));
}

static void read_ipv6(const uint8_t *from, struct proxy_header *header)
{
    struct sockaddr_in6 source = {.sin6_family = AF_INET6};
    struct sockaddr_in6 destination = source;
    memcpy(&source.sin6_addr, from, 16);
    memcpy(&destination.sin6_addr, from + 16, 16);
    memcpy(&source.sin6_port, from + 32, 2);
    memcpy(&destination.sin6_port, from + 34, 2);
    memcpy(&header->source, &source, sizeof(source));
    memcpy(&header->destination, &destination, sizeof(destination));
}

static void read_unix(const uint8_t *from, struct proxy_header *header)
{
    struct sockaddr_un source = {.sun_family = AF_UNIX};
    struct sockaddr_un destination = source;
    memcpy(source.sun_path, from, PROXY_PATH_SIZE);
    memcpy(destination.sun_path, from + PROXY_PATH_SIZE, PROXY_PATH_SIZE);
    memcpy(&header->source, &source, sizeof(source));
    memcpy(&header->destination, &destination, sizeof(destination));
}

/* The family of a stream; a header without addresses has none. */
static const struct family {
    uint8_t code;
    size_t size;
    void (*read)(const uint8_t *from, struct proxy_header *header);
} families[] = {
    {PROXY_FAMILY_NONE, 0, NULL},
    {PROXY_FAMILY_IPV4, 2 * 4 + 2 * 2, read_ipv4},
    {PROXY_FAMILY_IPV6, 2 * 16 + 2 * 2, read_ipv6},
    {PROXY_FAMILY_UNIX, 2 * (size_t)PROXY_PATH_SIZE, read_unix},
};

static enum proxy_result read_addresses(struct input *input, uint8_t code,
                                        struct proxy_header *header, const char **why)
{
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        if (families[i].code != code)
            continue;
        if (families[i].size > input->left)
            return wrong(why, "it is shorter than its addresses");
        if (families[i].read)
            families[i].read(input->at, header);
        input->at += families[i].size;
        input->left -= families[i].size;
        return PROXY_DONE;
    }
    return wrong(why, "the family of its addresses, or their protocol, is not supported");
}

/* False: INPUT does not begin with a whole TLV. */
static bool take_tlv(struct input *input, struct proxy_tlv *tlv)
{
    if (input->left < PROXY_TLV_HEAD)
        return false;
    size_t length = number_16(input->at + 1);
    if (length > input->left - PROXY_TLV_HEAD)
        return false;
    *tlv = (struct proxy_tlv){input->at[0], {input->at + PROXY_TLV_HEAD, length}};
    input->at += PROXY_TLV_HEAD + length;
    input->left -= PROXY_TLV_HEAD + length;
    return true;
}

static struct proxy_bytes *ssl_member(struct proxy_ssl *ssl, uint8_t type)
{
    switch (type) {
    case PROXY_SSL_VERSION:
        return &ssl->version;
    case PROXY_SSL_CN:
        return &ssl->cn;
    case PROXY_SSL_CIPHER:
        return &ssl->cipher;
    case PROXY_SSL_CLIENT_CERT:
        return &ssl->certificate;
    default:
        return NULL;
    }
}

static enum proxy_result read_ssl(struct proxy_bytes value, struct proxy_header *header,
                                  const char **why)
{
    struct input input = {value.at, value.length};
    if (header->has_ssl)
        return wrong(why, "a TLV occurs twice");
    if (input.left < PROXY_SSL_HEAD)
        return wrong(why, "its TLV about TLS is too short");
    header->has_ssl = true;
    header->ssl.client = input.at[0];
    header->ssl.verify = number_32(input.at + 1);
    input.at += PROXY_SSL_HEAD;
    input.left -= PROXY_SSL_HEAD;
    while (input.left > 0) {
        struct proxy_tlv tlv;
        if (!take_tlv(&input, &tlv))
            return wrong(why, "its TLVs about TLS do not end where they must");
        struct proxy_bytes *member = ssl_member(&header->ssl, tlv.type);
        if (member && member->at)
            return wrong(why, "a TLV occurs twice");
        if (member)
            *member = tlv.value;
    }
    return PROXY_DONE;
}

static uint32_t crc32c_byte(uint32_t crc, uint8_t byte)
{
    crc ^= byte;
    for (int bit = 0; bit < 8; bit++)
        crc = crc & 1 ? crc >> 1 ^ 0x82F63B78U : crc >> 1;
    return crc;
}

/* The checksum is that of the whole header, with zeros where the checksum is. */
static bool checksum_fits(const uint8_t *data, size_t length, struct proxy_bytes checksum)
{
    if (checksum.length != 4)
        return false;
    size_t first = (size_t)((const uint8_t *)checksum.at - data);
    uint32_t crc = 0xFFFFFFFFU;
    for (size_t i = 0; i < length; i++)
        crc = crc32c_byte(crc, i >= first && i < first + 4 ? 0 : data[i]);
    return (crc ^ 0xFFFFFFFFU) == number_32(checksum.at);
}

/* Those that the specification defines for one value, but not a custom one, may occur once. */
static enum proxy_result keep_tlv(const struct proxy_tlv *tlv, struct proxy_header *header,
                                  const char **why)
{
    if (tlv->type < PROXY_CUSTOM_MIN && proxy_header_find(header, tlv->type).at)
        return wrong(why, "a TLV occurs twice");
    if (tlv->type == PROXY_UNIQUE_ID && tlv->value.length > PROXY_UNIQUE_ID_MAX)
        return wrong(why, "its unique ID is longer than 128 bytes");
    if (header->tlv_count == PROXY_TLVS_MAX)
        return wrong(why, "it has more than 16 TLVs");
    header->tlvs[header->tlv_count++] = *tlv;
    return PROXY_DONE;
}

/* INPUT is the end of the header, which begins at DATA. A checksum costs the whole header, so there
 * is one at most. */
static enum proxy_result read_tlvs(struct input input, const uint8_t *data,
                                   struct proxy_header *header, const char **why)
{
    size_t length = (size_t)(input.at - data) + input.left;
    bool checked = false;
    while (input.left > 0) {
        struct proxy_tlv tlv;
        enum proxy_result result = PROXY_DONE;
        if (!take_tlv(&input, &tlv))
            return wrong(why, "its TLVs do not end where they must");
        if (tlv.type == PROXY_CRC32C && checked)
            return wrong(why, "a TLV occurs twice");
        checked = checked || tlv.type == PROXY_CRC32C;
        if (tlv.type == PROXY_SSL)
            result = read_ssl(tlv.value, header, why);
        else if (tlv.type == PROXY_CRC32C && !checksum_fits(data, length, tlv.value))
            result = wrong(why, "its checksum is wrong");
        else if (tlv.type != PROXY_CRC32C && tlv.type != PROXY_NOOP)
            result = keep_tlv(&tlv, header, why);
        if (result != PROXY_DONE)
            return result;
    }
    return PROXY_DONE;
}

static enum proxy_result read_body(const uint8_t *data, size_t length, struct proxy_header *header,
                                   const char **why)
{
    struct input input = {data + PROXY_HEADER_MIN, length - PROXY_HEADER_MIN};
    uint8_t family = data[PROXY_AT_FAMILY];
    *header = (struct proxy_header){.command = data[PROXY_AT_COMMAND] & 15};
    /* What a LOCAL header with a family has is to be ignored, so it need not make sense. */
    if (header->command == PROXY_LOCAL && family != PROXY_FAMILY_NONE)
        return PROXY_DONE;
    enum proxy_result result = read_addresses(&input, family, header, why);
    return result == PROXY_DONE ? read_tlvs(input, data, header, why) : result;
}

enum proxy_result proxy_header_decode(const void *data, size_t size, struct proxy_header *header,
                                      size_t *length, const char **why)
{
    enum proxy_result result = size > 0 ? check_start(data, size, why) : PROXY_MORE;
    size_t whole = PROXY_HEADER_MIN;
    if (result == PROXY_DONE)
        whole += number_16((const uint8_t *)data + PROXY_AT_LENGTH);
    if (result == PROXY_DONE && size < whole)
        result = PROXY_MORE;
    if (result == PROXY_DONE)
        result = read_body(data, whole, header, why);
    if (result != PROXY_WRONG)
        *length = whole;
    return result;
}

struct proxy_bytes proxy_header_find(const struct proxy_header *header, uint8_t type)
{
    for (size_t i = 0; i < header->tlv_count; i++)
        if (header->tlvs[i].type == type)
            return header->tlvs[i].value;
    return (struct proxy_bytes){NULL, 0};
}
