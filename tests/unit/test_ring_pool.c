/* Relays that are served by their caller borrow their rings, and never while a byte is in them. */
#include "relay/ring_pool.h"

#include "tests/unit/test_pair.h"

static struct bench bench_new(struct ring_pool *pool, size_t ring)
{
    return bench_of(
        (struct relay_options){.served = RELAY_BY_CALLER, .inbound_size = ring, .ring_pool = pool});
}

static const BIO *prepare(struct bench *bench)
{
    (void)relay_prepare(bench->relay, RELAY_READABLE);
    return bench->relay->rings.internal;
}

static struct ring_pair pair_new(void)
{
    struct ring_pair pair;
    cr_assert_eq(BIO_new_bio_pair(&pair.internal, 100, &pair.external, 100), 1);
    return pair;
}

Test(ring_pool, a_pair_is_taken_again_by_its_kind, .timeout = 10)
{
    struct ring_pair got, pair = pair_new();
    struct ring_pool *pool = ring_pool_new();
    cr_assert_not(ring_pool_take(pool, RING_KIND_SMALL, &got));
    ring_pool_give(pool, RING_KIND_SMALL, pair);
    cr_assert_not(ring_pool_take(pool, RING_KIND_LARGE, &got));
    cr_assert(ring_pool_take(pool, RING_KIND_SMALL, &got));
    cr_assert_eq(got.internal, pair.internal);
    cr_assert_eq(got.external, pair.external);
    cr_assert_not(ring_pool_take(pool, RING_KIND_SMALL, &got));
    ring_pool_give(NULL, RING_KIND_SMALL, got);
    ring_pool_free(pool);
    ring_pool_free(NULL);
}

Test(ring_pool, keeps_few, .timeout = 10)
{
    enum { PAIRS = 100, KEPT_MAX = 16 };
    unsigned kept = 0;
    struct ring_pair got;
    struct ring_pool *pool = ring_pool_new();
    for (unsigned i = 0; i < PAIRS; i++)
        ring_pool_give(pool, RING_KIND_SMALL, pair_new());
    for (; ring_pool_take(pool, RING_KIND_SMALL, &got); kept++)
        ring_pool_give(NULL, RING_KIND_SMALL, got);
    cr_assert(kept > 0 && kept <= KEPT_MAX, "%u were kept", kept);
    uint64_t gift = ring_pool_give(pool, RING_KIND_LARGE, pair_new());
    ring_pool_leave(pool, gift);
    cr_assert_not(ring_pool_take(pool, RING_KIND_LARGE, &got));
    ring_pool_free(pool);
}

Test(ring_pool, who_waits_lends_the_rings, .timeout = 10)
{
    struct ring_pool *pool = ring_pool_new();
    struct bench one = bench_new(pool, 0), other = bench_new(pool, 0);
    peer_sends(&one, "abc");
    const BIO *ring = prepare(&one);
    cr_assert_not_null(ring);
    assert_reads(&one, "abc");
    cr_assert_null(prepare(&one));
    peer_sends(&other, "defg");
    cr_assert_eq(prepare(&other), ring, "it has made another one");
    assert_reads(&other, "defg");
    cr_assert_null(prepare(&other));
    peer_sends(&one, "hij");
    cr_assert_eq(prepare(&one), ring);
    assert_reads(&one, "hij");
    bench_free(&one);
    bench_free(&other);
    ring_pool_free(pool);
}

Test(ring_pool, not_while_input_is_in_them, .timeout = 10)
{
    struct ring_pool *pool = ring_pool_new();
    struct bench bench = bench_new(pool, 0);
    peer_sends(&bench, "abcdef");
    const BIO *ring = prepare(&bench);
    assert_reads(&bench, "abc");
    cr_assert_eq(prepare(&bench), ring);
    assert_reads(&bench, "def");
    cr_assert_null(prepare(&bench));
    bench_free(&bench);
    ring_pool_free(pool);
}

/* More than the socket takes, so that a part stays in the ring and the spill. */
static void fill_output(struct bench *bench)
{
    static const uint8_t block[16000];
    relay_lock(bench->relay);
    while (bench->relay->output.state != OUTPUT_BLOCKED) {
        cr_assert_eq(transport_pair.write(bench->relay, block, sizeof(block)), 0);
        loop_flush(bench->relay);
    }
    relay_unlock(bench->relay);
}

Test(ring_pool, not_while_output_is_in_them, .timeout = 10)
{
    uint8_t sink[65536];
    struct ring_pool *pool = ring_pool_new();
    struct bench bench = bench_new(pool, 0);
    relay_note_events(bench.relay, 0);
    fill_output(&bench);
    cr_assert_not_null(prepare(&bench));
    for (const BIO *ring = bench.relay->rings.internal; ring; ring = prepare(&bench)) {
        cr_assert_gt(recv(bench.peer, sink, sizeof(sink), 0), 0);
        relay_note_events(bench.relay, POLLOUT);
    }
    cr_assert_eq(spill_size(&bench.relay->output.spill), 0);
    cr_assert_eq(relay_status(bench.relay).sent % 16000, 0, "a part was lost");
    bench_free(&bench);
    ring_pool_free(pool);
}

Test(ring_pool, large_rings_are_for_who_has_outgrown_small_ones, .timeout = 10)
{
    static uint8_t much[20000];
    struct ring_pool *pool = ring_pool_new();
    struct bench one = bench_new(pool, 0), other = bench_new(pool, 0);
    cr_assert_eq(send(one.peer, much, sizeof(much), 0), (ssize_t)sizeof(much));
    while (relay_status(one.relay).received < sizeof(much)) {
        (void)prepare(&one);
        relay_lock(one.relay);
        while (transport_pair.read(one.relay, much, sizeof(much)) > 0)
            ;
        relay_unlock(one.relay);
    }
    cr_assert_null(prepare(&one));
    peer_sends(&one, "abc");
    const BIO *large = prepare(&one);
    cr_assert_eq(one.relay->rings.inbound.size, RELAY_DEFAULT_RING);
    assert_reads(&one, "abc");
    (void)prepare(&one);
    peer_sends(&other, "abc");
    cr_assert_neq(prepare(&other), large);
    cr_assert_lt(other.relay->rings.inbound.size, RELAY_DEFAULT_RING);
    bench_free(&one);
    bench_free(&other);
    ring_pool_free(pool);
}

Test(ring_pool, rings_of_another_size_are_nobody_elses, .timeout = 10)
{
    struct ring_pool *pool = ring_pool_new();
    struct bench one = bench_new(pool, 5), other = bench_new(pool, 0);
    peer_sends(&one, "abc");
    cr_assert_not_null(prepare(&one));
    assert_reads(&one, "abc");
    cr_assert_null(prepare(&one));
    struct ring_pair got;
    cr_assert_not(ring_pool_take(pool, RING_KIND_SMALL, &got));
    cr_assert_not(ring_pool_take(pool, RING_KIND_LARGE, &got));
    bench_free(&one);
    bench_free(&other);
    ring_pool_free(pool);
}

/* What an idle connection does: no ring is left, not even in the pool. */
Test(ring_pool, who_is_idle_empties_the_pool, .timeout = 10)
{
    struct ring_pair got;
    struct ring_pool *pool = ring_pool_new();
    struct bench bench = bench_new(pool, 0);
    peer_sends(&bench, "abc");
    (void)prepare(&bench);
    assert_reads(&bench, "abc");
    (void)prepare(&bench);
    relay_release(bench.relay);
    cr_assert_not(ring_pool_take(pool, RING_KIND_SMALL, &got));
    bench_free(&bench);
    ring_pool_free(pool);
}

static void use(struct bench *bench)
{
    peer_sends(bench, "abc");
    (void)prepare(bench);
    assert_reads(bench, "abc");
    cr_assert_null(prepare(bench));
}

static const BIO *ring_in(struct ring_pool *pool)
{
    struct ring_pair pair;
    if (!ring_pool_take(pool, RING_KIND_SMALL, &pair))
        return NULL;
    (void)ring_pool_give(pool, RING_KIND_SMALL, pair);
    return pair.internal;
}

/* Otherwise each connection that becomes idle would make the busy ones allocate anew. */
Test(ring_pool, who_is_idle_leaves_it_to_the_busy, .timeout = 10)
{
    struct ring_pool *pool = ring_pool_new();
    struct bench idle[2] = {bench_new(pool, 0), bench_new(pool, 0)}, busy = bench_new(pool, 0);
    for (size_t i = 0; i < 2; i++)
        use(&idle[i]);
    for (size_t i = 0; i < 2; i++) {
        use(&busy);
        relay_release(idle[i].relay);
        cr_assert_not_null(ring_in(pool), "%zu: it has freed the rings of a busy one", i);
    }
    for (size_t i = 0; i < 2; i++)
        bench_free(&idle[i]);
    bench_free(&busy);
    ring_pool_free(pool);
}

/* The one that has used it last is the last that becomes idle; or it ends, and another one is. */
Test(ring_pool, the_last_to_be_idle_empties_it, .timeout = 10)
{
    for (int ends = 0; ends < 2; ends++) {
        struct ring_pool *pool = ring_pool_new();
        struct bench one = bench_new(pool, 0), two = bench_new(pool, 0), last = bench_new(pool, 0);
        use(&one);
        use(&two);
        use(&last);
        struct ring_pair got;
        if (ends)
            bench_free(&last);
        relay_release(one.relay);
        relay_release(ends ? two.relay : last.relay);
        cr_assert_not(ring_pool_take(pool, RING_KIND_SMALL, &got), "%d", ends);
        bench_free(&one);
        bench_free(&two);
        if (!ends)
            bench_free(&last);
        ring_pool_free(pool);
    }
}
