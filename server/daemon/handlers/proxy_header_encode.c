/* The encoder. */
#include "server/daemon/handlers/proxy_header.h"
#include "server/daemon/handlers/proxy_header_wire.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

/* What does not fit is counted and not written. */
struct output {
    uint8_t *at;
    size_t size, length;
};

static void put(struct output *output, const void *data, size_t size)
{
    if (size > 0 && output->length <= output->size && size <= output->size - output->length)
        memcpy(output->at + output->length, data, size);
    output->length += size;
}

static void put_8(struct output *output, uint8_t number)
{
    put(output, &number, 1);
}

static void put_16(struct output *output, size_t number)
{
    put_8(output, (uint8_t)(number >> 8));
    put_8(output, (uint8_t)number);
}

static void put_tlv_head(struct output *output, uint8_t type, size_t length)
{
    put_8(output, type);
    put_16(output, length);
}

static void put_tlv(struct output *output, uint8_t type, struct proxy_bytes value)
{
    put_tlv_head(output, type, value.length);
    put(output, value.at, value.length);
}

static void put_ipv4(struct output *output, const struct proxy_header *header)
{
    struct sockaddr_in source;
    struct sockaddr_in destination;
    memcpy(&source, &header->source, sizeof(source));
    memcpy(&destination, &header->destination, sizeof(destination));
    put(output, &source.sin_addr, 4);
    put(output, &destination.sin_addr, 4);
    put(output, &source.sin_port, 2);
    put(output, &destination.sin_port, 2);
}

static void put_ipv6(struct output *output, const struct proxy_header *header)
{
    struct sockaddr_in6 source;
    struct sockaddr_in6 destination;
    memcpy(&source, &header->source, sizeof(source));
    memcpy(&destination, &header->destination, sizeof(destination));
    put(output, &source.sin6_addr, 16);
    put(output, &destination.sin6_addr, 16);
    put(output, &source.sin6_port, 2);
    put(output, &destination.sin6_port, 2);
}

static void put_unix(struct output *output, const struct proxy_header *header)
{
    struct sockaddr_un address;
    memcpy(&address, &header->source, sizeof(address));
    put(output, address.sun_path, PROXY_PATH_SIZE);
    memcpy(&address, &header->destination, sizeof(address));
    put(output, address.sun_path, PROXY_PATH_SIZE);
}

static size_t ssl_length(const struct proxy_ssl *ssl)
{
    const struct proxy_bytes values[] = {ssl->version, ssl->cn, ssl->cipher, ssl->certificate};
    size_t length = PROXY_SSL_HEAD;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        length += values[i].at ? PROXY_TLV_HEAD + values[i].length : 0;
    return length;
}

static void put_ssl(struct output *output, const struct proxy_ssl *ssl)
{
    put_tlv_head(output, PROXY_SSL, ssl_length(ssl));
    put_8(output, ssl->client);
    put_16(output, ssl->verify >> 16);
    put_16(output, ssl->verify & 0xFFFF);
    if (ssl->version.at)
        put_tlv(output, PROXY_SSL_VERSION, ssl->version);
    if (ssl->cn.at)
        put_tlv(output, PROXY_SSL_CN, ssl->cn);
    if (ssl->cipher.at)
        put_tlv(output, PROXY_SSL_CIPHER, ssl->cipher);
    if (ssl->certificate.at)
        put_tlv(output, PROXY_SSL_CLIENT_CERT, ssl->certificate);
}

static const struct family {
    sa_family_t family;
    uint8_t code;
    void (*put)(struct output *output, const struct proxy_header *header);
} families[] = {
    {AF_INET, PROXY_FAMILY_IPV4, put_ipv4},
    {AF_INET6, PROXY_FAMILY_IPV6, put_ipv6},
    {AF_UNIX, PROXY_FAMILY_UNIX, put_unix},
};

/* NULL: there are no addresses. */
static const struct family *family_of(const struct proxy_header *header)
{
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        if (families[i].family == header->source.ss_family)
            return &families[i];
    return NULL;
}

static bool is_writable(const struct proxy_header *header)
{
    sa_family_t family = header->source.ss_family;
    if (family != header->destination.ss_family || header->tlv_count > PROXY_TLVS_MAX)
        return false;
    if (family != AF_UNSPEC && (header->command == PROXY_LOCAL || !family_of(header)))
        return false;
    for (size_t i = 0; i < header->tlv_count; i++) {
        const struct proxy_tlv *tlv = &header->tlvs[i];
        if (tlv->type == PROXY_SSL || tlv->type == PROXY_CRC32C ||
            tlv->value.length > PROXY_HEADER_MAX ||
            (tlv->type == PROXY_UNIQUE_ID && tlv->value.length > PROXY_UNIQUE_ID_MAX))
            return false;
    }
    return true;
}

size_t proxy_header_encode(const struct proxy_header *header, void *out, size_t size)
{
    struct output output = {out, size < PROXY_HEADER_MAX ? size : PROXY_HEADER_MAX, 0};
    const struct family *family = family_of(header);
    if (!is_writable(header))
        return 0;
    put(&output, proxy_signature, PROXY_SIGNATURE_SIZE);
    put_8(&output, (uint8_t)(2U << 4 | header->command));
    put_8(&output, family ? family->code : PROXY_FAMILY_NONE);
    put_16(&output, 0);
    if (family)
        family->put(&output, header);
    for (size_t i = 0; i < header->tlv_count; i++)
        put_tlv(&output, header->tlvs[i].type, header->tlvs[i].value);
    if (header->has_ssl)
        put_ssl(&output, &header->ssl);
    if (output.length > output.size)
        return 0;
    struct output length = {out, output.size, PROXY_AT_LENGTH};
    put_16(&length, output.length - PROXY_HEADER_MIN);
    return output.length;
}
