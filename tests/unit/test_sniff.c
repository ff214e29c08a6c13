/* The verdict of a relay's thread on a connection by its first bytes, over real sockets. See also
 * test_hello.c. */
#include "tests/unit/test_sniff.h"

#include "tests/support/drivers.h"

#include <errno.h>

enum ending { STAYS, FIN, RST };

struct row {
    const char *name;
    const char *bytes;
    size_t length;
    enum ending ending;
    enum role role;
    enum cause cause;
};
#define ROW(name, bytes, ending, role, cause)               \
    {                                                       \
        name, bytes, sizeof(bytes) - 1, ending, role, cause \
    }

static const struct row rows[] = {
    ROW("ClientHello", HELLO, STAYS, ROLE_SERVER, CAUSE_CLIENT_HELLO),
    ROW("ClientHello and more", HELLO "more", STAYS, ROLE_SERVER, CAUSE_CLIENT_HELLO),
    ROW("ClientHello, then FIN", HELLO, FIN, ROLE_SERVER, CAUSE_CLIENT_HELLO),
    ROW("over two records", "\x16\x03\x01\x00\x02\x01\x00\x16\x03\x01\x00\x03\x00\x01z", STAYS,
        ROLE_SERVER, CAUSE_CLIENT_HELLO),
    ROW("SSLv2 format", "\x80\x09\x01\x03\x01\x00\x00\x00\x00\x00\x00", STAYS, ROLE_SERVER,
        CAUSE_CLIENT_HELLO),
    ROW("silence", "", STAYS, ROLE_CLIENT, CAUSE_SILENCE),
    ROW("FIN", "", FIN, ROLE_NONE, CAUSE_CLOSED_BEFORE_FIRST_BYTE),
    ROW("RST", "", RST, ROLE_NONE, CAUSE_CLOSED_BEFORE_FIRST_BYTE),
    ROW("ServerHello", "\x16\x03\x03\x00\x7a\x02", STAYS, ROLE_NONE, CAUSE_PEER_ANSWERS_AS_SERVER),
    ROW("HelloRequest", "\x16\x03\x03\x00\x04\x00", STAYS, ROLE_NONE, CAUSE_PEER_ANSWERS_AS_SERVER),
    ROW("alert", "\x15\x03\x01\x00\x02\x02\x0a", STAYS, ROLE_NONE, CAUSE_ALERT_FIRST),
    ROW("HTTP", "GET / HTTP/1.1\r\n\r\n", STAYS, ROLE_NONE, CAUSE_NOT_TLS),
    ROW("SSH", "SSH-2.0-x\r\n", STAYS, ROLE_NONE, CAUSE_NOT_TLS),
    ROW("HTTP, then FIN", "GET / HTTP/1.1\r\n\r\n", FIN, ROLE_NONE, CAUSE_NOT_TLS),
    ROW("half a hello, then nothing", "\x16\x03\x01\x00\x05\x01", STAYS, ROLE_NONE,
        CAUSE_HELLO_INCOMPLETE),
    ROW("one byte, then nothing", "\x16", STAYS, ROLE_NONE, CAUSE_HELLO_INCOMPLETE),
    ROW("half a hello, then FIN", "\x16\x03\x01\x00\x05\x01", FIN, ROLE_NONE,
        CAUSE_HELLO_INCOMPLETE),
};

static void assert_row(const struct row *row, enum relay_transport transport, size_t cap)
{
    struct bench bench;
    struct relay_options options = automatic(200);
    options.transport = transport;
    options.hooks = driver_hooks(DRIVER_AUTO, cap);
    options.handshake_timeout_ms = 40;
    int fd = bench_sockets(&bench);
    if (row->length)
        peer_sends(&bench, row->bytes, row->length);
    if (row->ending == FIN)
        cr_assert_eq(shutdown(bench.peer, SHUT_WR), 0);
    if (row->ending == RST) {
        socket_reset(bench.peer);
        bench.peer = -1;
    }
    bench_relay(&bench, fd, &options);
    struct verdict verdict = verdict_of(&bench);
    cr_assert(verdict.role == row->role && verdict.cause == row->cause,
              "%s, transport %d, cap %zu: %s, %s", row->name, transport, cap,
              role_name(verdict.role), cause_name(verdict.cause));
    cr_assert_eq(verdict.first_byte_us >= 0, row->length > 0, "%s: first byte", row->name);
    cr_assert_eq(verdict.peer_spoke_first, row->length > 0, "%s: who spoke first", row->name);
    cr_assert_geq(verdict.decided_us, verdict.first_byte_us, "%s: order of times", row->name);
    cr_assert_eq(relay_status(bench.relay).sent, 0, "%s: we sent something", row->name);
    bench_free(&bench);
}

Test(sniff, table, .timeout = 30)
{
    struct resources before = resources_now();
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        for (size_t t = 0; t < 2; t++)
            for (size_t cap = 0; cap < 2; cap++)
                assert_row(&rows[i], relay_transports[t], cap);
    cr_assert(resources_return_to(before));
}

/* Hazard 25: a connection that was reset before it was accepted, and reported as readable. */
Test(sniff, a_reset_is_kept_as_the_transports_error, .timeout = 10)
{
    for (size_t t = 0; t < 2; t++) {
        struct bench bench;
        struct relay_options options = automatic(10000);
        options.transport = relay_transports[t];
        int fd = bench_sockets(&bench);
        socket_reset(bench.peer);
        bench.peer = -1;
        bench_relay(&bench, fd, &options);
        (void)verdict_of(&bench);
        struct relay_status status = relay_status(bench.relay);
        cr_assert_eq(status.error, ECONNRESET);
        cr_assert_not(status.eof);
        bench_free(&bench);
    }
}

static void send_slowly(struct bench *bench, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        peer_sends(bench, bytes + i, 1);
        pause_ms(2);
        enum role role = relay_verdict(bench->relay).role;
        bool last = i + 1 == length;
        cr_assert(last || role == ROLE_AUTO, "after %zu bytes: %s", i + 1, role_name(role));
    }
}

Test(sniff, a_hello_byte_by_byte, .timeout = 20)
{
    static const char hello[] = "\x16\x03\x01\x00\x02\x01\x00\x16\x03\x01\x00\x03\x00\x01z";
    struct bench bench;
    struct relay_options options = automatic(10000);
    bench_init(&bench, &options);
    send_slowly(&bench, hello, sizeof(hello) - 1);
    struct verdict verdict = verdict_of(&bench);
    cr_assert_eq(verdict.cause, CAUSE_CLIENT_HELLO);
    cr_assert_gt(verdict.decided_us, verdict.first_byte_us);
    bench_free(&bench);
}

/* What was looked at is what SSL reads, byte for byte, and what follows comes after it. */
Test(sniff, the_conversation_reads_the_first_bytes_first, .timeout = 20)
{
    static const char text[] = HELLO "and the rest of the stream";
    for (size_t t = 0; t < 2; t++)
        for (size_t cap = 0; cap < 4; cap++) {
            struct bench bench;
            struct relay_options options = automatic(10000);
            options.transport = relay_transports[t];
            options.hooks = driver_hooks(DRIVER_AUTO, cap);
            options.inbound_size = 5;
            bench_init(&bench, &options);
            peer_sends(&bench, text, sizeof(text));
            cr_assert_eq(verdict_of(&bench).role, ROLE_SERVER);
            BIO *bio = relay_bio(bench.relay);
            relay_set_blocking(bench.relay, 10000);
            char got[sizeof(text)] = "";
            for (size_t have = 0; have < sizeof(text);) {
                int some = BIO_read(bio, got + have, (int)(sizeof(text) - have));
                cr_assert_gt(some, 0, "transport %zu, cap %zu: %d after %zu", t, cap, some, have);
                have += (size_t)some;
            }
            cr_assert_arr_eq(got, text, sizeof(text));
            BIO_free(bio);
            bench_free(&bench);
        }
}

/* Post-quantum key shares and large tickets make long hellos. */
Test(sniff, a_long_hello_is_kept_whole, .timeout = 20)
{
    enum { BODY = 16000, SIZE = 5 + 4 + BODY };
    static uint8_t hello[SIZE], got[SIZE];
    for (size_t i = 0; i < SIZE; i++)
        hello[i] = (uint8_t)(i * 7 + i / 256);
    memcpy(hello, (uint8_t[]){0x16, 3, 1, (BODY + 4) >> 8, (BODY + 4) & 0xff}, 5);
    memcpy(hello + 5, (uint8_t[]){1, 0, BODY >> 8, BODY & 0xff}, 4);
    for (size_t t = 0; t < 2; t++) {
        struct bench bench;
        struct relay_options options = automatic(10000);
        options.transport = relay_transports[t];
        options.hooks = driver_hooks(DRIVER_AUTO, 1000);
        bench_init(&bench, &options);
        peer_sends(&bench, (const char *)hello, SIZE);
        cr_assert_eq(verdict_of(&bench).role, ROLE_SERVER);
        BIO *bio = relay_bio(bench.relay);
        cr_assert_eq(BIO_read(bio, got, SIZE), SIZE);
        cr_assert_arr_eq(got, hello, SIZE);
        BIO_free(bio);
        bench_free(&bench);
    }
}

/* ---- Time ------------------------------------------------------------------------------------ */

Test(sniff, silence_decides_at_its_timeout_and_not_before, .timeout = 20)
{
    for (size_t t = 0; t < 2; t++) {
        struct bench bench;
        struct relay_options options = automatic(60);
        options.transport = relay_transports[t];
        bench_init(&bench, &options);
        struct verdict verdict = verdict_of(&bench);
        cr_assert_eq(verdict.cause, CAUSE_SILENCE);
        cr_assert_geq(verdict.decided_us, 60000);
        cr_assert_eq(verdict.first_byte_us, -1);
        bench_free(&bench);
    }
}

Test(sniff, zero_connects_at_once, .timeout = 20)
{
    struct bench bench;
    struct relay_options options = automatic(0);
    bench_init(&bench, &options);
    cr_assert_eq(relay_verdict(bench.relay).role, ROLE_CLIENT, "it waited");
    cr_assert_eq(relay_verdict(bench.relay).cause, CAUSE_SILENCE);
    bench_free(&bench);
}

Test(sniff, never_waits_until_something_comes, .timeout = 20)
{
    struct bench bench;
    struct relay_options options = automatic(-1);
    bench_init(&bench, &options);
    pause_ms(50);
    cr_assert_eq(relay_verdict(bench.relay).role, ROLE_AUTO);
    peer_sends(&bench, HELLO, sizeof(HELLO) - 1);
    cr_assert_eq(verdict_of(&bench).role, ROLE_SERVER);
    bench_free(&bench);
}

/* The rest of a hello has the handshake's time from its first byte, however long silence may last.
 */
Test(sniff, half_a_hello_has_the_handshakes_time, .timeout = 20)
{
    struct bench bench;
    struct relay_options options = automatic(-1);
    options.handshake_timeout_ms = 60;
    bench_init(&bench, &options);
    peer_sends(&bench, HELLO, 4);
    struct verdict verdict = verdict_of(&bench);
    cr_assert_eq(verdict.cause, CAUSE_HELLO_INCOMPLETE);
    cr_assert_geq(verdict.decided_us, verdict.first_byte_us + 60000);
    bench_free(&bench);
}

Test(sniff, a_configured_role_is_there_from_the_start, .timeout = 20)
{
    static const enum role roles[] = {ROLE_SERVER, ROLE_CLIENT};
    for (size_t t = 0; t < 2; t++)
        for (size_t i = 0; i < 2; i++) {
            struct bench bench;
            struct relay_options options = automatic(10000);
            options.role = roles[i];
            options.transport = relay_transports[t];
            bench_init(&bench, &options);
            struct verdict verdict = relay_verdict(bench.relay);
            cr_assert(verdict.role == roles[i] && verdict.cause == CAUSE_CONFIGURED);
            bench_free(&bench);
        }
}

Test(sniff, every_role_and_cause_has_a_name_of_its_own, .timeout = 10)
{
    for (int i = CAUSE_UNDECIDED; i <= CAUSE_HINT; i++)
        for (int k = CAUSE_UNDECIDED; k < i; k++)
            cr_assert_str_neq(cause_name((enum cause)i), cause_name((enum cause)k), "%d %d", i, k);
    for (int i = ROLE_AUTO; i <= ROLE_NONE; i++)
        for (int k = ROLE_AUTO; k < i; k++)
            cr_assert_str_neq(role_name((enum role)i), role_name((enum role)k), "%d %d", i, k);
    cr_assert_str_eq(cause_name(CAUSE_CLIENT_HELLO), "client_hello");
    cr_assert_str_eq(role_name(ROLE_SERVER), "server");
}
