#include "server/daemon/admin/stats.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static actpass_info_t info_of(actpass_role role, actpass_cause cause, actpass_end end)
{
    return (actpass_info_t){.role = role,
                            .cause = cause,
                            .end = end,
                            .protocol = "TLSv1.3",
                            .cipher = "",
                            .alpn = "",
                            .peer_address = "",
                            .peer_subject = "",
                            .peer_fingerprint = "",
                            .server_name = "",
                            .group = ""};
}

Test(stats, nothing_is_counted_without_them)
{
    const actpass_info_t info =
        info_of(ACTPASS_ROLE_SERVER, ACTPASS_CAUSE_CONFIGURED, ACTPASS_RESET);
    const struct snapshot snapshot = {.end = ACTPASS_RESET};
    struct stats_bytes counted = {0, 0};
    struct snapshot list[STATS_FAILURES];
    cr_assert_null(stats_of(NULL, "a"));
    cr_assert_null(stats_first(NULL));
    stats_count(NULL, STATS_ACCEPTED);
    stats_handshake(NULL, &info, CONFIG_SESSIONS_MEMORY);
    stats_closed(NULL, &info);
    stats_bytes(NULL, &info, &counted);
    stats_keep_failure(NULL, &snapshot);
    cr_assert_eq(stats_failures(NULL, list), 0);
    stats_free(NULL);
}

Test(stats, a_service_is_its_name)
{
    struct stats *stats = stats_new();
    struct service_stats *a = stats_of(stats, "a"), *b = stats_of(stats, "b");
    cr_assert(a && b && a != b);
    cr_assert_eq(stats_of(stats, "a"), a, "also after a reload");
    cr_assert(a->index == 0 && b->index == 1);
    cr_assert(stats_first(stats) == b && b->next == a && !a->next);
    stats_count(a, STATS_REFUSED + REFUSED_RATE);
    cr_assert_eq(a->events[STATS_REFUSED + REFUSED_RATE], 1);
    cr_assert_eq(b->events[STATS_REFUSED + REFUSED_RATE], 0);
    stats_free(stats);
}

Test(stats, ends_by_role_cause_and_reason)
{
    struct stats *stats = stats_new();
    struct service_stats *service = stats_of(stats, "a");
    actpass_info_t info = info_of(ACTPASS_ROLE_CLIENT, ACTPASS_CAUSE_HINT, ACTPASS_REFUSED);
    stats_closed(service, &info);
    stats_closed(service, &info);
    cr_assert_eq(service->closed[STATS_CLIENT][ACTPASS_CAUSE_HINT][ACTPASS_REFUSED], 2);
    info = info_of(ACTPASS_ROLE_AUTO, ACTPASS_CAUSE_UNDECIDED, ACTPASS_CANCELLED);
    stats_closed(service, &info);
    cr_assert_eq(service->closed[STATS_NO_ROLE][ACTPASS_CAUSE_UNDECIDED][ACTPASS_CANCELLED], 1);
    info.cause = (actpass_cause)STATS_CAUSES; /* of a later library: nothing is overwritten */
    stats_closed(service, &info);
    info.cause = ACTPASS_CAUSE_HINT;
    info.end = (actpass_end)STATS_ENDS;
    stats_closed(service, &info);
    stats_free(stats);
}

/* Every value is in the bucket whose bound it reaches. */
Test(stats, handshakes)
{
    struct stats *stats = stats_new();
    struct service_stats *service = stats_of(stats, "a");
    actpass_info_t info = info_of(ACTPASS_ROLE_SERVER, ACTPASS_CAUSE_CLIENT_HELLO, ACTPASS_OPEN);
    info.first_byte_us = 5000000; /* the peer's pause is not the handshake's */
    info.decided_us = 5000100;
    for (size_t i = 0; i < STATS_BOUNDS; i++) {
        info.handshake_us = info.first_byte_us + stats_bounds_us[i];
        stats_handshake(service, &info, CONFIG_SESSIONS_MEMORY);
        info.handshake_us++;
        stats_handshake(service, &info, CONFIG_SESSIONS_MEMORY);
    }
    const struct stats_handshakes *server = &service->handshakes[STATS_SERVER];
    uint64_t sum_us = 0;
    for (size_t i = 0; i < STATS_BOUNDS; i++)
        sum_us += 2 * (uint64_t)stats_bounds_us[i] + 1;
    for (size_t i = 0; i < STATS_BUCKETS; i++)
        cr_assert_eq(server->buckets[i], i == 0 || i == STATS_BOUNDS ? 1 : 2, "bucket %zu", i);
    cr_assert_eq(server->sum_us, sum_us);
    info.role = ACTPASS_ROLE_CLIENT;
    info.handshake_us = info.decided_us + 7;
    stats_handshake(service, &info, CONFIG_SESSIONS_MEMORY);
    cr_assert_eq(service->handshakes[STATS_CLIENT].sum_us, 7);
    stats_free(stats);
}

Test(stats, resumed_by_version_and_store)
{
    struct stats *stats = stats_new();
    struct service_stats *service = stats_of(stats, "a");
    actpass_info_t info = info_of(ACTPASS_ROLE_SERVER, ACTPASS_CAUSE_CONFIGURED, ACTPASS_OPEN);
    stats_handshake(service, &info, CONFIG_SESSIONS_TICKETS);
    cr_assert_eq(service->resumed[STATS_TLS_1_3][CONFIG_SESSIONS_TICKETS], 0);
    info.resumed = 1;
    stats_handshake(service, &info, CONFIG_SESSIONS_TICKETS);
    cr_assert_eq(service->resumed[STATS_TLS_1_3][CONFIG_SESSIONS_TICKETS], 1);
    info.role = ACTPASS_ROLE_CLIENT;
    info.protocol = "TLSv1.2";
    stats_handshake(service, &info, CONFIG_SESSIONS_TICKETS);
    cr_assert_eq(service->resumed[STATS_TLS_1_2][STATS_STORE_CLIENT], 1);
    stats_free(stats);
}

/* A scrape counts what came until then, and the end the rest. */
Test(stats, bytes_are_counted_once)
{
    struct stats *stats = stats_new();
    struct service_stats *service = stats_of(stats, "a");
    struct stats_bytes counted = {0, 0};
    actpass_info_t info = info_of(ACTPASS_ROLE_SERVER, ACTPASS_CAUSE_CONFIGURED, ACTPASS_OPEN);
    for (uint64_t i = 1; i <= 5; i++) {
        info.received = 100 * i;
        info.sent = 10 * i;
        stats_bytes(service, &info, &counted);
        stats_bytes(service, &info, &counted);
        cr_assert(service->received == 100 * i && service->sent == 10 * i);
    }
    stats_free(stats);
}

Test(stats, what_a_failure_is)
{
    actpass_info_t info = info_of(ACTPASS_ROLE_SERVER, ACTPASS_CAUSE_CONFIGURED, ACTPASS_CLEAN);
    cr_assert_not(stats_is_failure(&info));
    info.end = ACTPASS_RESET;
    cr_assert(stats_is_failure(&info));
    info.end = ACTPASS_UNUSED;
    cr_assert_not(stats_is_failure(&info));
    info.cause = ACTPASS_CAUSE_CLOSED_BEFORE_FIRST_BYTE;
    cr_assert_not(stats_is_failure(&info), "a port scan must not displace them");
}

Test(stats, the_last_failures_are_kept)
{
    struct stats *stats = stats_new();
    static struct snapshot list[STATS_FAILURES];
    cr_assert_eq(stats_failures(stats, list), 0);
    for (uint64_t i = 1; i <= 3 * STATS_FAILURES + 7; i++) {
        const struct snapshot snapshot = {.origin.number = i};
        stats_keep_failure(stats, &snapshot);
        size_t count = i < STATS_FAILURES ? (size_t)i : STATS_FAILURES;
        cr_assert_eq(stats_failures(stats, list), count);
        for (size_t k = 0; k < count; k++)
            cr_assert_eq(list[k].origin.number, i - k);
    }
    stats_free(stats);
}

static void *count_many(void *arg)
{
    for (int i = 0; i < 10000; i++)
        stats_count(stats_of(arg, "a"), STATS_ACCEPTED);
    return NULL;
}

Test(stats, threads_count_together)
{
    enum { THREADS = 4 };
    struct stats *stats = stats_new();
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, count_many, stats), 0);
    for (size_t i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    cr_assert_eq(stats_of(stats, "a")->events[STATS_ACCEPTED], 10000 * THREADS);
    stats_free(stats);
}
