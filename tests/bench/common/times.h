/* Clocks and percentiles. */
#ifndef ACTPASS_BENCH_TIMES_H
#define ACTPASS_BENCH_TIMES_H

#include <stddef.h>
#include <time.h>

double now(void); /* seconds, monotonic */

double clock_seconds(clockid_t clock);

/* The value below which SHARE of the values lie; sorts them. COUNT is at least 1. */
double percentile(double *values, size_t count, double share);

#endif
