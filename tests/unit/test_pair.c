/* The pair transport's operations, one at a time and under two threads: the ring of a BIO pair
 * (hazards 1 and 2). */
#include "tests/unit/test_pair.h"

#include "tests/support/drivers.h"
#include "tests/support/pattern.h"

#include <pthread.h>
#include <sched.h>

static struct bench bench_new(size_t inbound, size_t outbound, size_t cap)
{
    return bench_of((struct relay_options){.inbound_size = inbound,
                                           .outbound_size = outbound,
                                           .hooks = driver_hooks(DRIVER_AUTO, cap)});
}

static void receive(struct bench *bench)
{
    relay_lock(bench->relay);
    transport_pair.receive(bench->relay);
    relay_unlock(bench->relay);
}

Test(pair, receives_as_much_as_the_ring_has_room, .timeout = 10)
{
    struct bench bench = bench_new(4, 4, 0);
    peer_sends(&bench, "abcdefghij");
    cr_assert(transport_pair.wants_input(bench.relay));
    receive(&bench);
    cr_assert_eq(transport_pair.readable(bench.relay), 4);
    cr_assert_not(transport_pair.wants_input(bench.relay), "the ring is full");
    receive(&bench);
    assert_reads(&bench, "abcd");
    receive(&bench);
    assert_reads(&bench, "efgh");
    bench_free(&bench);
}

Test(pair, receives_no_more_at_once_than_the_cap, .timeout = 10)
{
    struct bench bench = bench_new(0, 0, 3);
    peer_sends(&bench, "abcdefghij");
    receive(&bench);
    assert_reads(&bench, "abc");
    bench_free(&bench);
}

/* Stands in for the receiver between reserving and committing: recv is called there without the
 * lock. */
static void commit(struct bench *bench, char *reserved, const char *text)
{
    char *committed;
    int size = (int)strlen(text);
    memcpy(reserved, text, strlen(text));
    cr_assert_eq(BIO_nwrite(bench->relay->rings.external, &committed, size), size);
    bench->relay->rings.inbound.held += (size_t)size;
    if (committed != reserved)
        memmove(committed, reserved, (size_t)size);
}

/* What hazard 2 says of the ring itself: should another version of OpenSSL behave otherwise, this
 * says so. */
Test(pair, hazard_2_a_commit_lands_elsewhere_after_the_reader_emptied_the_ring, .timeout = 10)
{
    struct bench bench = bench_new(64, 64, 0);
    peer_sends(&bench, "first");
    receive(&bench);
    char *reserved, *committed;
    cr_assert_gt(BIO_nwrite0(bench.relay->rings.external, &reserved), 0);
    assert_reads(&bench, "first");
    cr_assert_eq(BIO_nwrite0(bench.relay->rings.external, &committed), 64);
    cr_assert_neq(committed, reserved, "the offset did not go back");
    commit(&bench, reserved, "second");
    assert_reads(&bench, "second");
    bench_free(&bench);
}

/* Called in the middle of the next recv, when the receiver has reserved its room and released the
 * lock. */
static void (*in_recv)(struct bench *bench);
static struct bench *in_recv_bench;

/* In place of the C library's, for the relay too. */
ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
    void (*call)(struct bench *) = in_recv;
    in_recv = NULL;
    if (call)
        call(in_recv_bench);
    return recvfrom(fd, buffer, size, flags, NULL, NULL);
}

static void read_first(struct bench *bench)
{
    assert_reads(bench, "first");
}

Test(pair, hazard_2_the_reader_empties_the_ring_inside_recv, .timeout = 10)
{
    struct bench bench = bench_new(64, 64, 0);
    peer_sends(&bench, "first");
    receive(&bench);
    peer_sends(&bench, "second");
    in_recv = read_first;
    in_recv_bench = &bench;
    receive(&bench);
    cr_assert_null(in_recv, "it was not called");
    assert_reads(&bench, "second");
    bench_free(&bench);
}

static void read_three(struct bench *bench)
{
    assert_reads(bench, "123");
}

Test(pair, hazard_2_the_reader_takes_some_inside_recv, .timeout = 10)
{
    struct bench bench = bench_new(8, 8, 0);
    peer_sends(&bench, "12345");
    receive(&bench);
    peer_sends(&bench, "abcdef");
    in_recv = read_three;
    in_recv_bench = &bench;
    receive(&bench); /* up to the end of the ring */
    assert_reads(&bench, "45abc");
    receive(&bench); /* and from its start */
    assert_reads(&bench, "def");
    bench_free(&bench);
}

/* ---- A stream through the ring, one thread at each side -------------------------------------- */

enum { STREAM = 100000 };

static void *send_stream(void *arg)
{
    const struct bench *bench = arg;
    uint8_t data[1000];
    for (size_t sent = 0; sent < STREAM;) {
        size_t size = STREAM - sent < sizeof(data) ? STREAM - sent : sizeof(data);
        pattern_fill(data, size, sent, 3);
        ssize_t put = send(bench->peer, data, size, MSG_NOSIGNAL);
        if (put <= 0)
            return arg;
        sent += (size_t)put;
    }
    return NULL;
}

static void *receive_stream(void *arg)
{
    struct bench *bench = arg;
    relay_lock(bench->relay);
    while (bench->relay->input.received < STREAM && !state_input_over(bench->relay)) {
        transport_pair.receive(bench->relay);
        relay_unlock(bench->relay);
        sched_yield(); /* the lock is not fair */
        relay_lock(bench->relay);
    }
    relay_unlock(bench->relay);
    return NULL;
}

static void assert_stream(size_t ring, size_t cap, size_t piece)
{
    struct bench bench = bench_new(ring, ring, cap);
    pthread_t sender, receiver;
    cr_assert_eq(pthread_create(&sender, NULL, send_stream, &bench), 0);
    cr_assert_eq(pthread_create(&receiver, NULL, receive_stream, &bench), 0);
    for (size_t have = 0; have < STREAM;) {
        uint8_t data[4096];
        relay_lock(bench.relay);
        ssize_t got = transport_pair.read(bench.relay, data, piece);
        relay_unlock(bench.relay);
        sched_yield();
        cr_assert(pattern_matches(data, (size_t)got, have, 3), "ring %zu: bytes at %zu", ring,
                  have);
        have += (size_t)got;
    }
    cr_assert_eq(pthread_join(sender, NULL), 0);
    cr_assert_eq(pthread_join(receiver, NULL), 0);
    bench_free(&bench);
}

Test(pair, hazard_2_a_stream_through_small_rings_stays_whole, .timeout = 60)
{
    assert_stream(100, 0, 4096); /* the reader empties it each time */
    assert_stream(100, 7, 30);
    assert_stream(4096, 0, 4096);
    assert_stream(0, 0, 4096);
}

/* Small rings give way to large ones, and these to none, and no byte is lost at any such moment. */
Test(pair, rings_change_their_size_without_loss, .timeout = 60)
{
    static uint8_t data[60000];
    struct bench bench = bench_new(0, 0, 0);
    uint64_t put = 0, taken = 0;
    for (int round = 0; round < 400; round++) {
        size_t size = round % 7 ? 100 : 20000;
        pattern_fill(data, size, put, 5);
        cr_assert_eq(transport_pair.write(bench.relay, data, size), 0);
        put += size;
        const uint8_t *out;
        for (size_t some; (some = transport_pair.output(bench.relay, &out)) > 0;) {
            some = some > 3000 ? 3000 : some;
            cr_assert(pattern_matches(out, some, taken, 5), "round %d", round);
            taken += some;
            transport_pair.sent(bench.relay, some);
            if (round % 3 == 0 && taken % 2)
                break;
        }
        if (round % 50 == 49)
            transport_pair.release(bench.relay);
    }
    cr_assert_gt(taken, 200000);
    bench_free(&bench);
}

/* ---- Output ---------------------------------------------------------------------------------- */

static void assert_output(struct bench *bench, const char *text)
{
    const uint8_t *data;
    size_t size = transport_pair.output(bench->relay, &data);
    cr_assert_eq(size, strlen(text), "%zu bytes", size);
    cr_assert_arr_eq(data, text, size);
}

Test(pair, a_write_never_stops_half_way, .timeout = 10)
{
    struct bench bench = bench_new(4, 4, 0);
    cr_assert(transport_pair.writable(bench.relay));
    cr_assert_eq(transport_pair.write(bench.relay, "abcdefghij", 10), 0);
    assert_output(&bench, "abcd");
    cr_assert_eq(spill_size(&bench.relay->output.spill), 6);
    cr_assert_not(transport_pair.writable(bench.relay), "not before the spill is empty");
    cr_assert_eq(transport_pair.write(bench.relay, "kl", 2), 0, "what is begun goes on");
    transport_pair.sent(bench.relay, 3);
    assert_output(&bench, "d"); /* up to the end of the ring, then from its start */
    transport_pair.sent(bench.relay, 1);
    assert_output(&bench, "efgh");
    transport_pair.sent(bench.relay, 3);
    const uint8_t *data;
    char rest[16];
    size_t have = 0;
    for (size_t size; (size = transport_pair.output(bench.relay, &data)) > 0; have += size) {
        memcpy(rest + have, data, size);
        transport_pair.sent(bench.relay, size);
    }
    cr_assert_eq(have, 5);
    cr_assert_arr_eq(rest, "hijkl", 5);
    cr_assert(transport_pair.writable(bench.relay));
    bench_free(&bench);
}

/* Hazard 13: a record and its overhead fit, or the ring is empty and the rest is spilt. */
Test(pair, writable_promises_room_for_a_record, .timeout = 10)
{
    static const uint8_t record[RELAY_RECORD_ROOM];
    struct bench bench = bench_new(RELAY_DEFAULT_RING, RELAY_DEFAULT_RING, 0);
    unsigned records = 0;
    while (transport_pair.writable(bench.relay)) {
        cr_assert_eq(transport_pair.write(bench.relay, record, sizeof(record)), 0);
        cr_assert_eq(spill_size(&bench.relay->output.spill), 0, "record %u found no room", records);
        records++;
    }
    cr_assert_geq(records, 2);
    bench_free(&bench);
}
