/* Clocks and percentiles: see times.h. */
#include "times.h"

#include <stdlib.h>

double clock_seconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

double now(void)
{
    return clock_seconds(CLOCK_MONOTONIC);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

double percentile(double *values, size_t count, double share)
{
    qsort(values, count, sizeof(*values), compare);
    size_t index = (size_t)(share * (double)count);
    return values[index < count ? index : count - 1];
}
