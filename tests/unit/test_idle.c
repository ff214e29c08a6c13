#include "relay/clock.h"
#include "server/daemon/idle.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As a waiting thread does it. */
static void trim_for(int64_t since_us)
{
    int64_t again_us;
    while ((again_us = idle_trim(since_us)) != 0) {
        cr_assert_gt(again_us, clock_now_us() - 1000000, "called again, and it is time long since");
        struct timespec left;
        (void)nanosleep(clock_left(again_us, &left), NULL);
    }
}

Test(idle, waits_until_others_have_released_too, .timeout = 30)
{
    int64_t since_us = clock_now_us();
    cr_assert_geq(idle_trim(since_us), since_us + IDLE_SETTLE_US);
    trim_for(since_us);
}

Test(idle, one_trim_is_enough_for_all_before_it, .timeout = 30)
{
    int64_t since_us = clock_now_us();
    trim_for(since_us);
    cr_assert_eq(idle_trim(since_us), 0);
    cr_assert_eq(idle_trim(since_us - 5), 0);
    int64_t later_us = clock_now_us();
    cr_assert_geq(idle_trim(later_us), later_us + IDLE_SETTLE_US, "this one freed something since");
}

/* The sanitizers have heaps of their own. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

static long resident_pages(void)
{
    char line[200], *second;
    FILE *file = fopen("/proc/self/statm", "r");
    cr_assert(file && fgets(line, sizeof(line), file));
    (void)fclose(file);
    second = strchr(line, ' '); /* of the numbers (proc(5)) */
    cr_assert_not_null(second);
    return strtol(second, NULL, 10);
}

/* Buffers with something small that lasts between them. */
Test(idle, pages_of_freed_buffers_go_back, .timeout = 30)
{
    enum { COUNT = 200, SIZE = 40960 };
    static void *buffers[COUNT], *lasting[COUNT];
    for (int i = 0; i < COUNT; i++) {
        cr_assert((buffers[i] = malloc(SIZE)) && (lasting[i] = malloc(100)));
        memset(buffers[i], 1, SIZE);
    }
    for (int i = 0; i < COUNT; i++)
        free(buffers[i]);
    long before = resident_pages();
    trim_for(clock_now_us());
    long expected = (long)COUNT * SIZE / sysconf(_SC_PAGESIZE) / 2; /* at the very least */
    cr_assert_lt(resident_pages(), before - expected, "%ld pages before, %ld now", before,
                 resident_pages());
    for (int i = 0; i < COUNT; i++)
        free(lasting[i]);
}

#endif
