#include "relay/hello.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

/* On a copy of exactly that size, so that a sanitizer sees each byte read beyond. */
static enum hello classify(const void *bytes, size_t length)
{
    uint8_t *copy = malloc(length ? length : 1);
    cr_assert_not_null(copy);
    if (length)
        memcpy(copy, bytes, length);
    enum hello result = hello_classify(copy, length);
    free(copy);
    return result;
}

struct message {
    uint8_t bytes[70000];
    size_t length;
};

static void add(struct message *message, const void *bytes, size_t size)
{
    memcpy(message->bytes + message->length, bytes, size);
    message->length += size;
}

static void add_record(struct message *message, uint8_t type, const void *body, size_t size)
{
    const uint8_t header[] = {type, 3, 1, (uint8_t)(size >> 8), (uint8_t)size};
    add(message, header, sizeof(header));
    add(message, body, size);
}

/* A handshake message of TYPE with a body of SIZE bytes of no meaning. */
static void make_handshake(struct message *message, uint8_t type, size_t size)
{
    const uint8_t header[] = {type, (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size};
    message->length = 0;
    add(message, header, sizeof(header));
    memset(message->bytes + message->length, 0xaa, size);
    message->length += size;
}

/* The same message over records of at most PIECE bytes. */
static void split(const struct message *whole, struct message *records, size_t piece)
{
    records->length = 0;
    for (size_t at = 0; at < whole->length; at += piece) {
        size_t size = whole->length - at < piece ? whole->length - at : piece;
        add_record(records, 0x16, whole->bytes + at, size);
    }
}

/* The hello that OpenSSL sends. */
static void make_real_hello(struct message *message)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    BIO *output = BIO_new(BIO_s_mem());
    cr_assert(context && ssl && output);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), output);
    cr_assert_lt(SSL_connect(ssl), 0);
    message->length = (size_t)BIO_read(output, message->bytes, sizeof(message->bytes));
    cr_assert_gt(message->length, 100);
    SSL_free(ssl);
    SSL_CTX_free(context);
}

struct row {
    const char *name;
    const char *bytes;
    size_t length;
    enum hello result;
};
#define ROW(name, bytes, result)               \
    {                                          \
        name, bytes, sizeof(bytes) - 1, result \
    }

static const struct row rows[] = {
    ROW("nothing", "", HELLO_PARTIAL),
    ROW("the first byte of a record", "\x16", HELLO_PARTIAL),
    ROW("a record's type and major version", "\x16\x03", HELLO_PARTIAL),
    ROW("three bytes", "\x16\x03\x01", HELLO_PARTIAL),
    ROW("four bytes", "\x16\x03\x01\x00", HELLO_PARTIAL),
    ROW("a whole record header", "\x16\x03\x01\x00\x05", HELLO_PARTIAL),
    ROW("a ClientHello's first byte", "\x16\x03\x01\x00\x05\x01", HELLO_PARTIAL),
    ROW("any minor version", "\x16\x03\xff\x00\x05\x01", HELLO_PARTIAL),
    ROW("an empty ClientHello", "\x16\x03\x01\x00\x04\x01\x00\x00\x00", HELLO_CLIENT),
    ROW("a one-byte ClientHello", "\x16\x03\x01\x00\x05\x01\x00\x00\x01z", HELLO_CLIENT),
    ROW("its last byte is missing", "\x16\x03\x01\x00\x05\x01\x00\x00\x01", HELLO_PARTIAL),
    ROW("more after the message", "\x16\x03\x01\x00\x06\x01\x00\x00\x00zz", HELLO_CLIENT),
    ROW("another major version", "\x16\x02", HELLO_NOT_TLS),
    ROW("TLS 0 after a good type", "\x16\x00\x01\x00\x05\x01", HELLO_NOT_TLS),
    ROW("an empty record", "\x16\x03\x01\x00\x00", HELLO_NOT_TLS),
    ROW("the longest record", "\x16\x03\x01\x40\x00\x01", HELLO_PARTIAL),
    ROW("a record too long", "\x16\x03\x01\x40\x01", HELLO_OTHER_RECORD),
    ROW("the longest length", "\x16\x03\x01\xff\xff\x01", HELLO_OTHER_RECORD),
    ROW("ServerHello", "\x16\x03\x03\x00\x7a\x02", HELLO_PEER_ANSWERS_AS_SERVER),
    ROW("HelloRequest", "\x16\x03\x03\x00\x04\x00\x00\x00\x00", HELLO_PEER_ANSWERS_AS_SERVER),
    ROW("a Certificate first", "\x16\x03\x03\x00\x7a\x0b", HELLO_OTHER_RECORD),
    ROW("a Finished first", "\x16\x03\x03\x00\x10\x14", HELLO_OTHER_RECORD),
    ROW("the first byte of an alert", "\x15", HELLO_PARTIAL),
    ROW("an alert", "\x15\x03", HELLO_ALERT),
    ROW("a whole alert", "\x15\x03\x01\x00\x02\x02\x0a", HELLO_ALERT),
    ROW("no alert", "\x15\x02", HELLO_NOT_TLS),
    ROW("application data first", "\x17\x03\x03\x00\x10", HELLO_OTHER_RECORD),
    ROW("ChangeCipherSpec first", "\x14\x03\x03\x00\x01\x01", HELLO_OTHER_RECORD),
    ROW("a heartbeat", "\x18\x03\x03\x00\x01", HELLO_OTHER_RECORD),
    ROW("an unknown type", "\x00\x03\x03\x00\x01", HELLO_OTHER_RECORD),
    ROW("an unknown type, the longest", "\x1f\x03\x03\x48\x00", HELLO_OTHER_RECORD),
    ROW("an unknown type, too long", "\x1f\x03\x03\x48\x01", HELLO_NOT_TLS),
    ROW("an unknown type, empty", "\x1f\x03\x03\x00\x00", HELLO_NOT_TLS),
    ROW("an unknown type with a high bit", "\xff\x03\x03\x00\x02", HELLO_OTHER_RECORD),
    ROW("0x80, which is no SSLv2 either", "\x80\x03\x03\x00\x02", HELLO_OTHER_RECORD),
    ROW("another first byte of no text", "\x01", HELLO_PARTIAL),
    ROW("HTTP", "GET / HTTP/1.1\r\n", HELLO_NOT_TLS),
    ROW("HTTP's first byte", "G", HELLO_NOT_TLS),
    ROW("SSH", "SSH-2.0-OpenSSH_9.2p1\r\n", HELLO_NOT_TLS),
    ROW("SMTP", "220 mail.example ESMTP\r\n", HELLO_NOT_TLS),
    ROW("PROXY protocol 1", "PROXY TCP4 192.0.2.1 ", HELLO_NOT_TLS),
    ROW("PROXY protocol 2", "\r\n\r\n\x00\r\nQUIT\n", HELLO_NOT_TLS),
    ROW("zeros", "\x00\x00\x00\x00\x00\x00", HELLO_NOT_TLS),
    ROW("all ones", "\xff\xff\xff\xff", HELLO_NOT_TLS),
    ROW("SSLv2 format: one byte", "\x80", HELLO_PARTIAL),
    ROW("SSLv2 format: the length", "\x80\x2e", HELLO_PARTIAL),
    ROW("SSLv2 format: the type", "\x80\x2e\x01", HELLO_PARTIAL),
    ROW("SSLv2 format: TLS", "\x80\x2e\x01\x03", HELLO_PARTIAL),
    ROW("SSLv2 format: SSLv2 itself", "\x80\x2e\x01\x00\x02", HELLO_PARTIAL),
    ROW("SSLv2 format: too short", "\x80\x08", HELLO_NOT_TLS),
    ROW("SSLv2 format: the shortest", "\x80\x09\x01\x03\x01\x00\x00\x00\x00\x00\x00", HELLO_CLIENT),
    ROW("SSLv2 format: a byte short", "\x80\x09\x01\x03\x01\x00\x00\x00\x00\x00", HELLO_PARTIAL),
    ROW("SSLv2 format: not a hello", "\x80\x2e\x02", HELLO_NOT_TLS),
    ROW("SSLv2 format: version 4", "\x80\x2e\x01\x04", HELLO_NOT_TLS),
};

Test(hello, table, .timeout = 10)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        enum hello result = classify(rows[i].bytes, rows[i].length);
        cr_assert_eq(result, rows[i].result, "%s: %d", rows[i].name, result);
    }
}

/* Text decides by one byte; as a record's type it is no worse than others. */
Test(hello, a_type_that_is_a_letter, .timeout = 10)
{
    cr_assert_eq(classify("G\x03\x03\x00\x02", 5), HELLO_OTHER_RECORD);
    cr_assert_eq(classify("G\x03", 2), HELLO_PARTIAL);
    cr_assert_eq(classify("GE", 2), HELLO_NOT_TLS);
    cr_assert_eq(classify("G", 1), HELLO_NOT_TLS);
}

/* What is decided stays decided, and no beginning of a thing is taken for another. */
Test(hello, a_longer_prefix_never_changes_an_answer, .timeout = 10)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        for (size_t length = 0; length < rows[i].length; length++) {
            enum hello result = classify(rows[i].bytes, length);
            cr_assert(result == HELLO_PARTIAL || result == rows[i].result, "%s: %zu bytes: %d",
                      rows[i].name, length, result);
        }
}

static void assert_client_only_at_the_end(const struct message *message, const char *what)
{
    for (size_t length = 0; length < message->length; length++)
        cr_assert_eq(classify(message->bytes, length), HELLO_PARTIAL, "%s: %zu of %zu bytes", what,
                     length, message->length);
    cr_assert_eq(classify(message->bytes, message->length), HELLO_CLIENT, "%s", what);
}

Test(hello, a_real_hello_byte_by_byte, .timeout = 10)
{
    static struct message message;
    make_real_hello(&message);
    assert_client_only_at_the_end(&message, "OpenSSL's");
}

Test(hello, a_hello_over_records_of_every_small_size, .timeout = 20)
{
    static struct message real, records;
    make_real_hello(&real);
    struct message *whole = &real;
    memmove(whole->bytes, whole->bytes + 5, whole->length -= 5);
    for (size_t piece = 1; piece <= 9; piece++) {
        split(whole, &records, piece);
        assert_client_only_at_the_end(&records, "in pieces");
    }
}

Test(hello, every_prefix_of_every_first_byte_pair, .timeout = 20)
{
    for (unsigned first = 0; first < 256; first++)
        for (unsigned second = 0; second < 256; second++) {
            const uint8_t bytes[] = {(uint8_t)first, (uint8_t)second};
            enum hello want = HELLO_NOT_TLS;
            if (first == 0x15 && second == 3)
                want = HELLO_ALERT;
            else if (second == 3 || (first == 0x80 && second >= 9) || first > 0x80)
                want = HELLO_PARTIAL; /* a record of some type, or SSLv2's form */
            cr_assert_eq(classify(bytes, 2), want, "%02x %02x", first, second);
        }
}

/* What goes wrong after a good start is a bad ClientHello: TLS answers it with the right alert. */
Test(hello, a_hello_that_goes_wrong_later_is_for_tls_to_judge, .timeout = 10)
{
    static struct message message;
    message.length = 0;
    add_record(&message, 0x16, "\x01\x00\x01\x00 some", 9);
    cr_assert_eq(classify(message.bytes, message.length), HELLO_PARTIAL);
    add_record(&message, 0x15, "\x02\x0a", 2);
    cr_assert_eq(classify(message.bytes, message.length), HELLO_CLIENT);
}

Test(hello, a_hello_too_long_is_for_tls_to_judge, .timeout = 10)
{
    static const uint8_t huge[] = "\x16\x03\x01\x40\x00\x01\xff\xff\xff";
    cr_assert_eq(classify(huge, sizeof(huge) - 1), HELLO_CLIENT);
    static struct message whole, records;
    make_handshake(&whole, 1, HELLO_MAX);
    split(&whole, &records, 300);
    cr_assert_eq(classify(records.bytes, HELLO_MAX), HELLO_CLIENT, "enough is enough");
}

/* The relay keeps HELLO_MAX bytes: with so many there must be an answer. */
Test(hello, at_the_most_bytes_nothing_is_partial, .timeout = 10)
{
    static struct message whole, records;
    for (size_t piece = 1; piece < 4; piece++) {
        make_handshake(&whole, 1, 16000);
        split(&whole, &records, piece);
        cr_assert_neq(classify(records.bytes, HELLO_MAX), HELLO_PARTIAL, "records of %zu", piece);
    }
    memset(records.bytes, 0, sizeof(records.bytes));
    memcpy(records.bytes, "\xff\xff\x01\x03\x01", 5);
    cr_assert_eq(classify(records.bytes, HELLO_MAX), HELLO_CLIENT, "SSLv2 format");
}

Test(hello, noise_is_never_read_beyond, .timeout = 30)
{
    uint8_t bytes[512];
    srand(1);
    for (int round = 0; round < 60000; round++) {
        size_t length = (size_t)rand() % sizeof(bytes);
        for (size_t i = 0; i < length; i++)
            bytes[i] = (uint8_t)(rand() >> 7);
        if (round % 2 && length > 9) /* let it come far */
            memcpy(bytes, "\x16\x03\x01\x00\x03\x01\x00\x02\x16", 9);
        enum hello result = classify(bytes, length);
        cr_assert(result <= HELLO_NOT_TLS);
        uint8_t digest[HELLO_DIGEST], *copy = malloc(length ? length : 1);
        memcpy(copy, bytes, length);
        cr_assert_leq(hello_digest(copy, length, digest), length);
        free(copy);
    }
}

/* ---- Digest ----------------------------------------------------------------------------- */

static void digest_of(const void *bytes, size_t length, uint8_t digest[HELLO_DIGEST])
{
    unsigned size = 0;
    cr_assert(EVP_Digest(bytes, length, digest, &size, EVP_sha256(), NULL));
    cr_assert_eq(size, HELLO_DIGEST);
}

Test(hello, digest_is_that_of_the_message_however_it_is_cut, .timeout = 10)
{
    static struct message whole, records;
    uint8_t want[HELLO_DIGEST], got[HELLO_DIGEST];
    make_handshake(&whole, 1, 300);
    digest_of(whole.bytes, whole.length, want);
    static const size_t pieces[] = {1, 3, 4, 5, 100, 304};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
        split(&whole, &records, pieces[i]);
        memset(got, 0, sizeof(got));
        cr_assert_eq(hello_digest(records.bytes, records.length, got), records.length, "%zu",
                     pieces[i]);
        cr_assert_arr_eq(got, want, sizeof(want), "pieces of %zu", pieces[i]);
    }
}

Test(hello, digest_takes_only_the_records_of_the_hello, .timeout = 10)
{
    static struct message whole, records;
    uint8_t want[HELLO_DIGEST], got[HELLO_DIGEST];
    make_handshake(&whole, 1, 300);
    digest_of(whole.bytes, whole.length, want);
    split(&whole, &records, 200);
    size_t end = records.length;
    add_record(&records, 0x15, "\x02\x0a", 2);
    cr_assert_eq(hello_digest(records.bytes, records.length, got), end);
    cr_assert_arr_eq(got, want, sizeof(want));
}

Test(hello, digest_of_anything_else_is_none, .timeout = 10)
{
    static struct message whole, records;
    uint8_t digest[HELLO_DIGEST];
    cr_assert_eq(hello_digest(NULL, 0, digest), 0, "nothing");
    make_handshake(&whole, 2, 300);
    split(&whole, &records, 100);
    cr_assert_eq(hello_digest(records.bytes, records.length, digest), 0, "ServerHello");
    make_handshake(&whole, 1, 300);
    split(&whole, &records, 100);
    cr_assert_eq(hello_digest(records.bytes, records.length - 1, digest), 0, "a byte is missing");
    add(&whole, "xx", 2);
    split(&whole, &records, whole.length);
    cr_assert_eq(hello_digest(records.bytes, records.length, digest), 0,
                 "more in the hello's last record");
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (rows[i].bytes[0] != 0x16 || rows[i].result != HELLO_CLIENT)
            cr_assert_eq(hello_digest((const uint8_t *)rows[i].bytes, rows[i].length, digest), 0,
                         "%s", rows[i].name);
}
