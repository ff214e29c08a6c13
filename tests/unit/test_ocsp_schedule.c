/* When OCSP responses are fetched again. */
#include "server/lib/ocsp/schedule.h"

#include <criterion/criterion.h>
#include <stddef.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

enum { HOUR = 3600, DAY = 86400 };

static const struct renewal {
    int64_t now_s, from_s, until_s, least_ms, most_ms;
} renewals[] = {
    {1000, 1000, 1000 + DAY, 43200000, 43200000 + 8640000}, /* half of its life, and a tenth */
    {1000 + HOUR, 1000, 1000 + DAY, 39600000, 39600000 + 8640000},
    {1000 + 20 * HOUR, 1000, 1000 + DAY, 2 * HOUR * 1000, 2 * HOUR * 1000}, /* half of the rest */
    {1000 + DAY - 1, 1000, 1000 + DAY, 1000, 1000},
    {1000 + DAY, 1000, 1000 + DAY, 1000, 1000},
    {1000 + 2 * DAY, 1000, 1000 + DAY, 1000, 1000},
    {1000, 1000, 1000, 1000, 1000},
};

static const uint32_t chances[] = {0, 1, 12345, UINT32_MAX};

Test(ocsp_schedule, renewal_is_in_time_and_spread)
{
    for (size_t i = 0; i < COUNT(renewals) * COUNT(chances); i++) {
        const struct renewal *row = &renewals[i / COUNT(chances)];
        int64_t wait_ms =
            ocsp_renew_ms(row->now_s, row->from_s, row->until_s, chances[i % COUNT(chances)]);
        cr_assert(wait_ms >= row->least_ms && wait_ms <= row->most_ms, "row %zu: %lld",
                  i / COUNT(chances), (long long)wait_ms);
    }
    cr_assert_neq(ocsp_renew_ms(0, 0, DAY, 1), ocsp_renew_ms(0, 0, DAY, 99));
}

Test(ocsp_schedule, failures_are_waited_out_longer_and_longer)
{
    cr_assert_eq(ocsp_retry_ms(1, 0), 2000);
    cr_assert_eq(ocsp_retry_ms(2, 0), 4000);
    cr_assert_eq(ocsp_retry_ms(10, 0), 1024000);
    cr_assert_eq(ocsp_retry_ms(12, 0), 3600000);
    cr_assert_eq(ocsp_retry_ms(UINT32_MAX, 0), 3600000);
    for (size_t i = 0; i < COUNT(chances); i++) {
        int64_t wait_ms = ocsp_retry_ms(3, chances[i]);
        cr_assert(wait_ms >= 8000 && wait_ms <= 10000, "%lld", (long long)wait_ms);
    }
}
