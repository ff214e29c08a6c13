#include "server/daemon/handlers/proxy_header.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static const uint8_t signature[] = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D,
                                    0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};

static struct proxy_bytes text(const char *value)
{
    return (struct proxy_bytes){value, strlen(value)};
}

static bool same(struct proxy_bytes value, const char *wanted)
{
    return value.at && value.length == strlen(wanted) &&
           memcmp(value.at, wanted, value.length) == 0;
}

static void set_ipv4(struct sockaddr_storage *storage, const char *address, uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    cr_assert_eq(inet_pton(AF_INET, address, &in.sin_addr), 1);
    memcpy(storage, &in, sizeof(in));
}

static struct proxy_header full_header(void)
{
    struct proxy_header header = {.command = PROXY_PROXY,
                                  .has_ssl = true,
                                  .ssl = {PROXY_CLIENT_SSL | PROXY_CLIENT_CERT_CONN, 0,
                                          text("TLSv1.3"), text("boiler-7"),
                                          text("TLS_AES_128_GCM_SHA256")},
                                  .tlvs = {{PROXY_ALPN, text("h2")},
                                           {PROXY_AUTHORITY, text("boiler-7.example")},
                                           {PROXY_UNIQUE_ID, text("4711")},
                                           {PROXY_CUSTOM_MIN, text("first")},
                                           {PROXY_CUSTOM_MIN, text("second")},
                                           {PROXY_CUSTOM_MAX, text("")}},
                                  .tlv_count = 6};
    set_ipv4(&header.source, "192.0.2.7", 40000);
    set_ipv4(&header.destination, "198.51.100.1", 443);
    return header;
}

/* The header of these bytes behind the first 12, with the length set; of the exact size, for the
 * sanitizers. */
static enum proxy_result decode(const void *rest, size_t size, struct proxy_header *header,
                                const char **why)
{
    uint8_t *data = malloc(sizeof(signature) + size);
    cr_assert(data);
    memcpy(data, signature, sizeof(signature));
    memcpy(data + sizeof(signature), rest, size);
    data[14] = (uint8_t)((size - 4) >> 8);
    data[15] = (uint8_t)(size - 4);
    size_t length = 0;
    enum proxy_result result =
        proxy_header_decode(data, sizeof(signature) + size, header, &length, why);
    cr_assert(result == PROXY_WRONG || length == sizeof(signature) + size);
    free(data);
    return result;
}

static void assert_wrong(const void *rest, size_t size, const char *wanted)
{
    struct proxy_header header;
    const char *why = NULL;
    cr_assert_eq(decode(rest, size, &header, &why), PROXY_WRONG, "wanted: %s", wanted);
    cr_assert(strstr(why, wanted), "%s; wanted: %s", why, wanted);
}

/* Written down from the specification, so that both halves cannot agree on something else. */
Test(proxy_header, the_bytes_are_those_of_the_specification)
{
    static const uint8_t wanted[] = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49,
                                     0x54, 0x0A, 0x21, 0x11, 0x00, 0x22, 192,  0,    2,    7,
                                     198,  51,   100,  1,    0x9C, 0x40, 0x01, 0xBB, 0x01, 0x00,
                                     0x02, 'h',  '2',  0x20, 0x00, 0x0E, 0x03, 0x01, 0x02, 0x03,
                                     0x04, 0x22, 0x00, 0x01, 'x',  0x23, 0x00, 0x02, 'a',  'b'};
    struct proxy_header header = {.command = PROXY_PROXY,
                                  .has_ssl = true,
                                  .ssl = {PROXY_CLIENT_SSL | PROXY_CLIENT_CERT_CONN,
                                          0x01020304,
                                          {NULL, 0},
                                          text("x"),
                                          text("ab")},
                                  .tlvs = {{PROXY_ALPN, text("h2")}},
                                  .tlv_count = 1};
    uint8_t out[PROXY_HEADER_MAX];
    set_ipv4(&header.source, "192.0.2.7", 40000);
    set_ipv4(&header.destination, "198.51.100.1", 443);
    cr_assert_eq(proxy_header_encode(&header, out, sizeof(out)), sizeof(wanted));
    cr_assert_eq(memcmp(out, wanted, sizeof(wanted)), 0);
}

Test(proxy_header, what_is_encoded_is_decoded)
{
    struct proxy_header header = full_header();
    struct proxy_header read;
    uint8_t out[PROXY_HEADER_MAX];
    const char *why = NULL;
    size_t read_length = 0;
    size_t length = proxy_header_encode(&header, out, sizeof(out));
    cr_assert_gt(length, 0);
    cr_assert_eq(proxy_header_decode(out, sizeof(out), &read, &read_length, &why), PROXY_DONE);
    cr_assert_eq(read_length, length);
    cr_assert_eq(read.command, PROXY_PROXY);
    cr_assert_eq(memcmp(&read.source, &header.source, sizeof(header.source)), 0);
    cr_assert_eq(memcmp(&read.destination, &header.destination, sizeof(header.source)), 0);
    cr_assert_eq(read.tlv_count, 6);
    cr_assert(same(proxy_header_find(&read, PROXY_ALPN), "h2"));
    cr_assert(same(proxy_header_find(&read, PROXY_AUTHORITY), "boiler-7.example"));
    cr_assert(same(proxy_header_find(&read, PROXY_UNIQUE_ID), "4711"));
    cr_assert(same(read.tlvs[3].value, "first") && same(read.tlvs[4].value, "second"));
    cr_assert(same(proxy_header_find(&read, PROXY_CUSTOM_MAX), ""));
    cr_assert(!proxy_header_find(&read, PROXY_CUSTOM_MIN + 1).at);
    cr_assert(read.has_ssl && read.ssl.client == 3 && read.ssl.verify == 0);
    cr_assert(same(read.ssl.version, "TLSv1.3") && same(read.ssl.cn, "boiler-7") &&
              same(read.ssl.cipher, "TLS_AES_128_GCM_SHA256"));
}

Test(proxy_header, every_family)
{
    const sa_family_t families[] = {AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX};
    const size_t sizes[] = {16, 28, 52, 232};
    for (int i = 0; i < 4; i++) {
        struct proxy_header header = {.command = PROXY_PROXY};
        struct proxy_header read;
        uint8_t out[PROXY_HEADER_MAX];
        const char *why = NULL;
        size_t length = 0;
        size_t bytes = i == 0 ? 0 : i == 1 ? 6 : i == 2 ? 22 : 108;
        memset((char *)&header.source + 2, 'S', i == 2 ? 2 : bytes);
        memset((char *)&header.destination + 2, 'D', i == 2 ? 2 : bytes);
        if (i == 2) { /* the flow between port and address is not sent */
            memset((char *)&header.source + 8, 's', 16);
            memset((char *)&header.destination + 8, 'd', 16);
        }
        header.source.ss_family = families[i];
        header.destination.ss_family = families[i];
        cr_assert_eq(proxy_header_encode(&header, out, sizeof(out)), sizes[i]);
        cr_assert_eq(proxy_header_decode(out, sizes[i], &read, &length, &why), PROXY_DONE);
        cr_assert_eq(memcmp(&read.source, &header.source, sizeof(header.source)), 0);
        cr_assert_eq(memcmp(&read.destination, &header.destination, sizeof(header.source)), 0);
    }
}

/* Cut anywhere it wants more, and says how much; a reader that follows that never reads too far. */
Test(proxy_header, cut_at_each_byte)
{
    struct proxy_header header = full_header();
    uint8_t out[PROXY_HEADER_MAX];
    size_t whole = proxy_header_encode(&header, out, sizeof(out));
    for (size_t size = 0; size < whole; size++) {
        uint8_t *data = malloc(size ? size : 1);
        cr_assert(data);
        memcpy(data, out, size);
        const char *why = NULL;
        size_t length = 0;
        cr_assert_eq(proxy_header_decode(data, size, &header, &length, &why), PROXY_MORE);
        cr_assert_eq(length, size < PROXY_HEADER_MIN ? PROXY_HEADER_MIN : whole, "%zu", size);
        free(data);
    }
}

/* A length that ends inside an address or a TLV is wrong; where it ends behind one it is right. */
Test(proxy_header, a_length_that_is_too_small)
{
    struct proxy_header header = full_header();
    uint8_t out[PROXY_HEADER_MAX];
    const char *why = NULL;
    size_t whole = proxy_header_encode(&header, out, sizeof(out));
    int right = 0;
    for (size_t size = PROXY_HEADER_MIN; size < whole; size++)
        right += decode(out + 12, size - 12, &header, &why) == PROXY_DONE;
    cr_assert_eq(right, 7, "behind the addresses, and behind each TLV but the last; got %d", right);
}

Test(proxy_header, a_first_byte_that_is_wrong_is_enough)
{
    const char *inputs[] = {"G", "PROXY TCP4 ", "\r\n\r\n\0\r\nQUIT\r", "\r\nx"};
    const size_t sizes[] = {1, 11, 12, 3};
    for (int i = 0; i < 4; i++) {
        struct proxy_header header;
        const char *why = NULL;
        size_t length = 0;
        cr_assert_eq(proxy_header_decode(inputs[i], sizes[i], &header, &length, &why), PROXY_WRONG);
        cr_assert(strstr(why, "signature"), "%s", why);
    }
}

Test(proxy_header, what_is_wrong_is_said)
{
    const struct {
        const char *rest;
        size_t size;
        const char *why;
    } cases[] = {
        {"\x11\x00\0\0", 4, "version"},
        {"\x22\x00\0\0", 4, "command"},
        {"\x21\x12\0\0", 4, "not supported"},
        {"\x21\x41\0\0", 4, "not supported"},
        {"\x21\x11\0\0abcdefghijk", 15, "shorter than its addresses"},
        {"\x21\x00\0\0\x01\x00", 6, "do not end"},
        {"\x21\x00\0\0\x01\x00\x02h", 8, "do not end"},
        {"\x21\x00\0\0\x01\x00\x01h\x01\x00\x01h", 12, "twice"},
        {"\x21\x00\0\0\x20\x00\x04\x01\0\0\0", 11, "too short"},
        {"\x21\x00\0\0\x20\x00\x07\x01\0\0\0\0\x21\0", 14, "about TLS do not end"},
        {"\x21\x00\0\0\x20\x00\x05\0\0\0\0\0\x20\x00\x05\0\0\0\0\0", 20, "twice"},
        {"\x21\x00\0\0\x20\x00\x0B\0\0\0\0\0\x22\0\0\x22\0\0", 18, "twice"},
        {"\x21\x00\0\0\x03\x00\x04\0\0\0\0", 11, "checksum"},
        {"\x21\x00\0\0\x03\x00\x00", 7, "checksum"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_wrong(cases[i].rest, cases[i].size, cases[i].why);
}

Test(proxy_header, what_is_too_long)
{
    uint8_t rest[PROXY_HEADER_MAX] = {0x21, 0, 0, 0, PROXY_CUSTOM_MIN, 0x0F, 0xED};
    struct proxy_header header;
    const char *why = NULL;
    cr_assert_eq(decode(rest, 4 + 4080, &header, &why), PROXY_DONE, "%s", why);
    rest[6]++;
    assert_wrong(rest, 4 + 4081, "longer than 4096");
    uint8_t early[15] = {0};
    memcpy(early, signature, sizeof(signature));
    early[12] = 0x21;
    early[14] = 0x10;
    size_t length = 0;
    cr_assert_eq(proxy_header_decode(early, 15, &header, &length, &why), PROXY_WRONG);
    uint8_t unique[4 + 3 + 129] = {0x21, 0, 0, 0, PROXY_UNIQUE_ID, 0, 129};
    assert_wrong(unique, sizeof(unique), "unique ID");
    uint8_t many[4 + 3 * 17] = {0x21};
    for (int i = 0; i < 17; i++)
        many[4 + 3 * i] = PROXY_CUSTOM_MIN;
    assert_wrong(many, sizeof(many), "more than 16");
}

/* ---- Version 1 ------------------------------------------------------------------------------- */

/* Each is also given byte by byte: it may not depend on that. */
static enum proxy_result decode_text(const char *line, size_t size, struct proxy_header *header,
                                     const char **why)
{
    char *data = malloc(size);
    cr_assert(data);
    memcpy(data, line, size);
    size_t length = 0;
    enum proxy_result result = proxy_header_decode_any(data, size, header, &length, why);
    for (size_t cut = 1; cut < size; cut++) {
        struct proxy_header early;
        const char *ignored;
        size_t wanted = 0;
        enum proxy_result before = proxy_header_decode_any(data, cut, &early, &wanted, &ignored);
        cr_assert(before == PROXY_MORE ? wanted > cut : before == result, "%s at %zu", line, cut);
        cr_assert(before != PROXY_DONE || wanted == length);
    }
    cr_assert(result != PROXY_DONE || length <= size);
    free(data);
    return result;
}

Test(proxy_header, version_1)
{
    struct proxy_header header;
    struct proxy_header wanted = {.command = PROXY_PROXY};
    const char *why = NULL;
    const char v4[] = "PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\nGET";
    const char v6[] = "PROXY TCP6 2001:db8::7 ::1 1 0\r\n";
    cr_assert_eq(decode_text(v4, strlen(v4), &header, &why), PROXY_DONE, "%s", why);
    set_ipv4(&wanted.source, "192.0.2.7", 40000);
    set_ipv4(&wanted.destination, "198.51.100.1", 443);
    cr_assert_eq(memcmp(&header.source, &wanted.source, sizeof(wanted.source)), 0);
    cr_assert_eq(memcmp(&header.destination, &wanted.destination, sizeof(wanted.source)), 0);
    cr_assert_eq(decode_text(v6, strlen(v6), &header, &why), PROXY_DONE, "%s", why);
    cr_assert_eq(header.source.ss_family, AF_INET6);
    for (const char *const *line =
             (const char *const[]){"PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff:: x 1 2\r\n", NULL};
         *line; line++) {
        cr_assert_eq(decode_text(*line, strlen(*line), &header, &why), PROXY_DONE, "%s", *line);
        cr_assert_eq(header.source.ss_family, AF_UNSPEC);
        cr_assert(header.command == PROXY_PROXY && header.tlv_count == 0 && !header.has_ssl);
    }
}

Test(proxy_header, version_1_of_the_greatest_length)
{
    char line[109];
    struct proxy_header header;
    const char *why = NULL;
    memset(line, 'x', sizeof(line));
    memcpy(line, "PROXY UNKNOWN ", 14);
    memcpy(line + 105, "\r\n", 2);
    cr_assert_eq(decode_text(line, 107, &header, &why), PROXY_DONE, "%s", why);
    memcpy(line + 105, "x\r\n", 3);
    cr_assert_eq(decode_text(line, 108, &header, &why), PROXY_WRONG);
    cr_assert(strstr(why, "longer than 107"));
}

Test(proxy_header, what_version_1_refuses)
{
    static const char *const lines[] = {"PROXY\tTCP4 192.0.2.7 198.51.100.1 1 2\r\n",
                                        "PROXY  TCP4 192.0.2.7 198.51.100.1 1 2\r\n",
                                        "PROXY tcp4 192.0.2.7 198.51.100.1 1 2\r\n",
                                        "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n",
                                        "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n",
                                        "PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n",
                                        "PROXY TCP4 192.0.2.7\r\n",
                                        "PROXY TCP4\r\n",
                                        "PROXY \r\n",
                                        "PROXY UNKNOWNX\r\n",
                                        "PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n",
                                        "PROXY TCP4 192.0.2.7 198.51.100.1 +1 2\r\n",
                                        "PROXY TCP4 192.0.2.7 198.51.100.1 65536 2\r\n",
                                        "PROXY TCP4 192.0.2.7 198.51.100.1 1 -\r\n",
                                        "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n",
                                        "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\r\n",
                                        "PROXY TCP4 192.0.2.07 198.51.100.1 1 2\r\n",
                                        "PROXY TCP4 ::1 198.51.100.1 1 2\r\n",
                                        "PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n",
                                        "PROXY TCP6 fe80::1%lo ::1 1 2\r\n",
                                        "PROXX "};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct proxy_header header;
        const char *why = NULL;
        cr_assert_eq(decode_text(lines[i], strlen(lines[i]), &header, &why), PROXY_WRONG, "%s",
                     lines[i]);
        cr_assert(why);
    }
    struct proxy_header header;
    const char *why = NULL;
    static const char nul[] = "PROXY TCP4 192.0.2.7\0 198.51.100.1 1 2\r\n";
    cr_assert_eq(decode_text(nul, sizeof(nul) - 1, &header, &why), PROXY_WRONG);
}

/* A proxy's own connection: its address is of no interest, whatever stands there. */
Test(proxy_header, local)
{
    struct proxy_header header = {.command = PROXY_PROXY};
    const char *why = NULL;
    cr_assert_eq(decode("\x20\x11\0\0abc", 7, &header, &why), PROXY_DONE);
    cr_assert_eq(header.command, PROXY_LOCAL);
    cr_assert_eq(header.source.ss_family, AF_UNSPEC);
    cr_assert_eq(decode("\x20\x00\0\0\xE1\0\0", 7, &header, &why), PROXY_DONE);
    cr_assert(proxy_header_find(&header, 0xE1).at);
}

/* Computed by a program in another language that gives 0xE3069283 for "123456789". */
Test(proxy_header, the_checksum_and_padding_are_taken_off)
{
    uint8_t rest[] = {0x21, 0, 0, 0, PROXY_NOOP, 0, 2, 'x', 'x', PROXY_CRC32C, 0, 4, 0, 0, 0, 0};
    const uint8_t crc[] = {0xB0, 0x96, 0x9F, 0x27};
    struct proxy_header header;
    const char *why = NULL;
    memcpy(rest + 12, crc, sizeof(crc));
    cr_assert_eq(decode(rest, sizeof(rest), &header, &why), PROXY_DONE, "%s", why);
    cr_assert_eq(header.tlv_count, 0);
    rest[7] ^= 1;
    assert_wrong(rest, sizeof(rest), "checksum");
}

/* Each costs a look at the whole header. */
Test(proxy_header, there_is_one_checksum_at_most)
{
    const uint8_t rest[] = {
        0x21, 0, 0, 0, PROXY_CRC32C, 0, 4, 0xCC, 0x34, 0x82, 0xCA, PROXY_CRC32C, 0, 4, 0, 0, 0, 0};
    assert_wrong(rest, sizeof(rest), "occurs twice");
}

Test(proxy_header, what_cannot_be_encoded)
{
    uint8_t out[PROXY_HEADER_MAX];
    struct proxy_header header = full_header();
    size_t length = proxy_header_encode(&header, out, sizeof(out));
    for (size_t size = 0; size < length; size++) {
        uint8_t *small = malloc(size ? size : 1);
        cr_assert(small);
        cr_assert_eq(proxy_header_encode(&header, small, size), 0, "%zu", size);
        free(small);
    }
    cr_assert_eq(proxy_header_encode(&header, out, length), length);

    struct proxy_header wrong = header;
    wrong.command = PROXY_LOCAL;
    cr_assert_eq(proxy_header_encode(&wrong, out, sizeof(out)), 0);
    wrong = header;
    wrong.destination.ss_family = AF_INET6;
    cr_assert_eq(proxy_header_encode(&wrong, out, sizeof(out)), 0);
    wrong = header;
    wrong.tlvs[0].type = PROXY_CRC32C;
    cr_assert_eq(proxy_header_encode(&wrong, out, sizeof(out)), 0);
    wrong = header;
    wrong.tlvs[2].value.length = PROXY_UNIQUE_ID_MAX + 1;
    cr_assert_eq(proxy_header_encode(&wrong, out, sizeof(out)), 0);
    wrong = header;
    wrong.tlvs[3].value.length = 65536 + 5;
    cr_assert_eq(proxy_header_encode(&wrong, out, sizeof(out)), 0);
}
