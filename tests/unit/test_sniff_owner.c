/* The owner of a connection is notified of the verdict, once, and may let the connection go at any
 * moment. */
#include "tests/unit/test_sniff.h"

#include "tests/support/drivers.h"

#include <sched.h>

Test(sniff_owner, the_owner_is_notified_once_on_the_relays_thread, .timeout = 30)
{
    static const enum role roles[] = {ROLE_AUTO, ROLE_SERVER, ROLE_CLIENT};
    for (size_t i = 0; i < 3; i++) {
        struct bench bench;
        struct relay_options options = automatic(20);
        options.role = roles[i];
        bench_init(&bench, &options);
        cr_assert(notified_in_time(&bench), "%s", role_name(roles[i]));
        cr_assert_not(pthread_equal(bench.notifier, pthread_self()));
        (void)verdict_of(&bench);
        relay_close(bench.relay);
        cr_assert_eq(atomic_load(&bench.calls), 1, "%s", role_name(roles[i]));
        bench_free(&bench);
    }
}

/* The server's way with a connection that has no role: the relay ends inside its own call. */
static void free_inside(void *arg)
{
    struct bench *bench = arg;
    relay_close(bench->relay);
    relay_free(bench->relay);
    bench->relay = NULL;
    atomic_fetch_add(&bench->calls, 1);
}

Test(sniff_owner, the_owner_may_free_it_when_notified, .timeout = 20)
{
    for (int round = 0; round < 100; round++) {
        struct bench bench;
        struct relay_options options = automatic(10000);
        int fd = bench_sockets(&bench);
        bench.threads = threads_new(131072, 1, 1000);
        options.threads = bench.threads;
        options.on_verdict = free_inside;
        options.arg = &bench;
        bench.relay = relay_new(fd, &options);
        cr_assert_not_null(bench.relay);
        cr_assert_eq(shutdown(bench.peer, SHUT_WR), 0);
        cr_assert_eq(relay_start(bench.relay), 0);
        cr_assert(notified_in_time(&bench));
        bench_free(&bench);
    }
}

/* Also when the abort comes before the thread has taken its first look. */
Test(sniff_owner, after_an_abort_the_owner_is_notified_at_once, .timeout = 30)
{
    for (int round = 0; round < 200; round++) {
        struct bench bench;
        struct verdict verdict;
        struct relay_options options = automatic(-1);
        bench_init(&bench, &options);
        if (round % 2)
            sched_yield();
        relay_abort(bench.relay);
        cr_assert(notified_in_time(&bench), "round %d", round);
        cr_assert_eq(relay_wait_verdict(bench.relay, &verdict), WAIT_CANCELLED);
        bench_free(&bench);
    }
}

static void *abort_soon(void *arg)
{
    struct bench *bench = arg;
    pause_ms(20);
    relay_abort(bench->relay);
    return NULL;
}

Test(sniff_owner, an_abort_wakes_the_wait_for_the_verdict, .timeout = 20)
{
    for (size_t t = 0; t < 2; t++) {
        struct bench bench;
        struct verdict verdict;
        pthread_t thread;
        struct relay_options options = automatic(-1);
        options.transport = relay_transports[t];
        bench_init(&bench, &options);
        cr_assert_eq(pthread_create(&thread, NULL, abort_soon, &bench), 0);
        cr_assert_eq(relay_wait_verdict(bench.relay, &verdict), WAIT_CANCELLED);
        cr_assert_eq(pthread_join(thread, NULL), 0);
        bench_free(&bench);
    }
}

Test(sniff_owner, closing_before_the_verdict, .timeout = 20)
{
    struct resources before = resources_now();
    for (int round = 0; round < 100; round++) {
        struct bench bench;
        struct relay_options options = automatic(-1);
        bench_init(&bench, &options);
        if (round % 2)
            pause_ms(1);
        relay_close(bench.relay);
        bench_free(&bench);
    }
    cr_assert(resources_return_to(before));
}

/* A client by silence keeps its own hello until it has seen that the peer did not send one, too. */
Test(sniff_owner, a_client_by_silence_that_is_let_go_early_leaks_nothing, .timeout = 20)
{
    struct bench bench;
    struct relay_options options = automatic(0);
    bench_init(&bench, &options);
    BIO *bio = relay_bio(bench.relay);
    cr_assert_eq(BIO_write(bio, HELLO, sizeof(HELLO) - 1), sizeof(HELLO) - 1);
    relay_flush(bench.relay);
    relay_abort(bench.relay);
    BIO_free(bio);
    bench_free(&bench);
}

/* Half an answer is not readable yet: the wait must sleep, and see the rest. */
Test(sniff_owner, a_client_by_silence_waits_for_the_whole_first_answer, .timeout = 20)
{
    static const char answer[] = "\x16\x03\x03\x00\x7a\x02 and so on";
    struct bench bench;
    struct relay_options options = automatic(0);
    bench_init(&bench, &options);
    BIO *bio = relay_bio(bench.relay);
    cr_assert_eq(BIO_write(bio, HELLO, sizeof(HELLO) - 1), sizeof(HELLO) - 1);
    relay_flush(bench.relay);
    char got[sizeof(answer)];
    cr_assert_eq(recv(bench.peer, got, sizeof(HELLO) - 1, MSG_WAITALL), sizeof(HELLO) - 1);
    peer_sends(&bench, answer, 3);
    int64_t before_us = cpu_time_us();
    cr_assert_eq(relay_wait(bench.relay, RELAY_READABLE, NULL, 0, clock_deadline_ms(300)),
                 WAIT_TIMEOUT);
    cr_assert_lt(cpu_time_us() - before_us, 100000, "it spins");
    peer_sends(&bench, answer + 3, sizeof(answer) - 3);
    for (size_t have = 0; have < sizeof(answer);) {
        cr_assert_eq(relay_wait(bench.relay, RELAY_READABLE, NULL, 0, clock_deadline_ms(10000)),
                     WAIT_READY);
        int some = BIO_read(bio, got + have, (int)(sizeof(answer) - have));
        have += some > 0 ? (size_t)some : 0;
    }
    cr_assert_arr_eq(got, answer, sizeof(answer));
    BIO_free(bio);
    bench_free(&bench);
}
