/* relay/GLARE.md's rule, at the relay itself: the peer is a bare socket whose bytes the test
 * chooses. */
#include "relay/clock.h"
#include "relay/hello.h"
#include "relay/relay.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGE = 45, RECORD = 50 };

/* The page's message whose random is 32 times FILL, in one record. */
static void make_record(uint8_t record[RECORD], uint8_t fill)
{
    static const uint8_t head[] = {0x16, 3, 1, 0, MESSAGE, 1, 0, 0, 0x29, 3, 3};
    static const uint8_t tail[] = {0, 0, 2, 0xc0, 0x2b, 1, 0};
    memcpy(record, head, sizeof(head));
    memset(record + sizeof(head), fill, 32);
    memcpy(record + sizeof(head) + 32, tail, sizeof(tail));
}

static void expect_digest(const uint8_t *bytes, size_t length, const char *hex)
{
    uint8_t digest[HELLO_DIGEST];
    char text[2 * HELLO_DIGEST + 1];
    cr_assert_eq(hello_digest(bytes, length, digest), length, "all of it is the hello");
    for (size_t i = 0; i < HELLO_DIGEST; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    cr_assert_str_eq(text, hex);
}

Test(glare, the_test_vectors_of_the_page)
{
    static const char *a = "8f0be0a5a61cabe117da51839496b60747e134919e1945c79309046ea7d59644";
    static const char *b = "ca645813e9d6b3c5c179b78076fe46b34b14b021333726efa8a681a4713af270";
    uint8_t record[RECORD], cut[RECORD + 10];
    make_record(record, 0xbb);
    expect_digest(record, sizeof(record), b);
    make_record(record, 0xaa);
    expect_digest(record, sizeof(record), a);
    const uint8_t *message = record + 5;
    const size_t cuts[] = {0, 1, 6, MESSAGE};
    size_t at = 0;
    for (size_t i = 0; i < 3; i++) {
        size_t size = cuts[i + 1] - cuts[i];
        const uint8_t head[] = {0x16, 3, 1, 0, (uint8_t)size};
        memcpy(cut + at, head, sizeof(head));
        memcpy(cut + at + sizeof(head), message + cuts[i], size);
        at += sizeof(head) + size;
    }
    cr_assert_eq(at, sizeof(cut));
    expect_digest(cut, sizeof(cut), a);
}

/* A relay that silence has just made client, and its peer's end of the connection. */
struct glare {
    struct threads *threads;
    struct relay *relay;
    BIO *bio;
    int peer;
};

static void begin(struct glare *glare, size_t ring)
{
    int ends[2];
    struct verdict verdict;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    glare->peer = ends[1];
    glare->threads = threads_new(65536, 2, 1000);
    struct relay_options options = {.initial_data_timeout_ms = 0,
                                    .handshake_timeout_ms = 5000,
                                    .write_timeout_ms = 5000,
                                    .inbound_size = ring,
                                    .outbound_size = ring,
                                    .threads = glare->threads};
    glare->relay = relay_new(ends[0], &options);
    cr_assert_not_null(glare->relay);
    cr_assert_eq(relay_start(glare->relay), 0);
    cr_assert_eq(relay_wait_verdict(glare->relay, &verdict), WAIT_READY);
    cr_assert_eq(verdict.cause, CAUSE_SILENCE);
    glare->bio = relay_bio(glare->relay);
    cr_assert_not_null(glare->bio);
}

static void end(struct glare *glare)
{
    BIO_free(glare->bio);
    relay_free(glare->relay);
    threads_free(glare->threads);
    close(glare->peer);
}

/* SSL's ClientHello, by the test's own hand. */
static void speak(struct glare *glare, uint8_t fill)
{
    uint8_t record[RECORD];
    make_record(record, fill);
    cr_assert_eq(BIO_write(glare->bio, record, sizeof(record)), RECORD);
}

static void hear(struct glare *glare, uint8_t fill, size_t from, size_t to)
{
    uint8_t record[RECORD];
    make_record(record, fill);
    cr_assert_eq(send(glare->peer, record + from, to - from, 0), (ssize_t)(to - from));
}

/* Until the conversation has a reason to look. */
static enum relay_wait turn(struct glare *glare)
{
    return relay_wait(glare->relay, RELAY_READABLE, NULL, 0, clock_deadline_ms(5000));
}

static void expect(struct glare *glare, enum role role, enum cause cause)
{
    struct verdict verdict = relay_verdict(glare->relay);
    cr_assert_str_eq(cause_name(verdict.cause), cause_name(cause));
    cr_assert_eq(verdict.role, role, "%s", role_name(verdict.role));
}

static void expect_sent(struct glare *glare, uint8_t fill)
{
    uint8_t record[RECORD], got[RECORD];
    make_record(record, fill);
    cr_assert_eq(recv(glare->peer, got, sizeof(got), MSG_WAITALL), RECORD);
    cr_assert_arr_eq(got, record, RECORD);
}

static void expect_nothing_sent(struct glare *glare)
{
    uint8_t byte;
    cr_assert_eq(recv(glare->peer, &byte, 1, MSG_DONTWAIT), -1, "our hello was withheld");
}

/* What the BIO in force gives next. */
static void expect_readable(BIO *bio, uint8_t fill)
{
    uint8_t record[RECORD], got[2 * RECORD];
    make_record(record, fill);
    cr_assert_eq(BIO_read(bio, got, sizeof(got)), RECORD);
    cr_assert_arr_eq(got, record, RECORD);
}

/* The digest that the other hello's handshake will be bound to; a fill of 0: there is none. */
static void expect_dropped(const struct glare *glare, uint8_t fill)
{
    uint8_t record[RECORD], digest[HELLO_DIGEST], dropped[HELLO_DIGEST];
    cr_assert_eq(relay_dropped_hello(glare->relay, dropped), fill != 0);
    if (fill == 0)
        return;
    make_record(record, fill);
    cr_assert_eq(hello_digest(record, sizeof(record), digest), RECORD);
    cr_assert_arr_eq(dropped, digest, HELLO_DIGEST);
}

Test(glare, a_hello_that_came_late_makes_us_server_and_ours_is_never_sent, .timeout = 20)
{
    struct glare glare;
    begin(&glare, 0);
    speak(&glare, 0xbb);
    hear(&glare, 0xaa, 0, RECORD);
    cr_assert_eq(turn(&glare), WAIT_READY);
    expect(&glare, ROLE_SERVER, CAUSE_CLIENT_HELLO_LATE);
    expect_nothing_sent(&glare);
    expect_dropped(&glare, 0); /* nobody else has seen it */
    BIO *fresh = relay_bio(glare.relay);
    expect_readable(fresh, 0xaa);
    BIO_free(fresh);
    end(&glare);
}

Test(glare, the_beginning_of_a_late_hello_holds_ours_back, .timeout = 20)
{
    struct glare glare;
    begin(&glare, 0);
    speak(&glare, 0xbb);
    hear(&glare, 0xaa, 0, 7);
    cr_assert_eq(relay_wait(glare.relay, RELAY_READABLE, NULL, 0, clock_now_us() + 50000),
                 WAIT_TIMEOUT);
    expect(&glare, ROLE_CLIENT, CAUSE_SILENCE);
    expect_nothing_sent(&glare);
    hear(&glare, 0xaa, 7, RECORD);
    cr_assert_eq(turn(&glare), WAIT_READY);
    expect(&glare, ROLE_SERVER, CAUSE_CLIENT_HELLO_LATE);
    expect_nothing_sent(&glare);
    end(&glare);
}

Test(glare, what_is_no_hello_is_for_the_client_to_read, .timeout = 20)
{
    static const uint8_t alert[] = {0x15, 3, 1, 0, 2, 2, 10};
    uint8_t got[16];
    struct glare glare;
    begin(&glare, 0);
    speak(&glare, 0xbb);
    cr_assert_eq(send(glare.peer, alert, sizeof(alert), 0), (ssize_t)sizeof(alert));
    cr_assert_eq(turn(&glare), WAIT_READY);
    expect(&glare, ROLE_CLIENT, CAUSE_SILENCE);
    expect_sent(&glare, 0xbb);
    cr_assert_eq(BIO_read(glare.bio, got, sizeof(got)), (int)sizeof(alert));
    end(&glare);
}

/* The two outcomes and the mirror, with the peer's hello in one piece and byte by byte, and with
 * tiny rings. */
static void cross(uint8_t ours, uint8_t theirs, size_t ring, size_t step, enum role role,
                  enum cause cause)
{
    struct glare glare;
    begin(&glare, ring);
    cr_assert(relay_may_glare(glare.relay));
    expect_dropped(&glare, 0);
    speak(&glare, ours);
    (void)relay_wait(glare.relay, RELAY_READABLE, NULL, 0, clock_now_us());
    expect_sent(&glare, ours);
    for (size_t at = 0; at < RECORD; at += step)
        hear(&glare, theirs, at, at + step < RECORD ? at + step : RECORD);
    while (relay_verdict(glare.relay).cause == CAUSE_SILENCE)
        (void)relay_wait(glare.relay, RELAY_READABLE, NULL, 0, clock_now_us() + 1000);
    expect(&glare, role, cause);
    cr_assert_not(relay_may_glare(glare.relay));
    expect_dropped(&glare, cause == CAUSE_GLARE_LOST  ? ours
                           : cause == CAUSE_GLARE_WON ? theirs
                                                      : 0);
    if (cause == CAUSE_GLARE_LOST) {
        uint8_t byte;
        cr_assert_eq(BIO_read(glare.bio, &byte, 1), -1, "the old BIO is dead");
        BIO *fresh = relay_bio(glare.relay);
        expect_readable(fresh, theirs);
        BIO_free(fresh);
    } else if (cause == CAUSE_GLARE_WON) {
        hear(&glare, 0xcc, 0, RECORD); /* stands for the ServerHello */
        cr_assert_eq(turn(&glare), WAIT_READY);
        if (ring == 0)
            expect_readable(glare.bio, 0xcc);
    }
    end(&glare);
}

static void cross_in_all_ways(uint8_t ours, uint8_t theirs, enum role role, enum cause cause)
{
    const size_t rings[] = {0, 7}, steps[] = {RECORD, 1, 20};
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 3; j++)
            cross(ours, theirs, rings[i], steps[j], role, cause);
}

Test(glare, the_larger_hello_stays_client, .timeout = 30)
{
    cross_in_all_ways(0xbb, 0xaa, ROLE_CLIENT, CAUSE_GLARE_WON);
}

Test(glare, the_smaller_hello_becomes_server, .timeout = 30)
{
    cross_in_all_ways(0xaa, 0xbb, ROLE_SERVER, CAUSE_GLARE_LOST);
}

Test(glare, our_own_hello_is_a_reflection, .timeout = 30)
{
    cross_in_all_ways(0xaa, 0xaa, ROLE_NONE, CAUSE_REFLECTION);
}
