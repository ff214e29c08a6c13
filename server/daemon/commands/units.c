#include "server/daemon/commands/units.h"

#include <stddef.h>
#include <stdio.h>

/* Of any longer time, and of what is no number, so that it can be an integer. */
#define SECONDS_MAX 1e11

enum { MS_PER_SECOND = 1000, MINUTE = 60, HOUR = 3600, DAY = 86400 };

/* "3m05s": SECONDS in a unit of BIG seconds and in one of SMALL. */
static void print_two(struct unit_text *made, long long seconds, int big, char big_name, int small,
                      char small_name)
{
    (void)snprintf(made->text, sizeof(made->text), "%lld%c%02lld%c", seconds / big, big_name,
                   seconds % big / small, small_name);
}

struct unit_text units_duration(double ms)
{
    struct unit_text made = {""};
    double seconds = ms < 0 ? 0 : ms / MS_PER_SECOND;
    seconds = seconds < SECONDS_MAX ? seconds : SECONDS_MAX;
    if (seconds < 1)
        (void)snprintf(made.text, sizeof(made.text), "%.1fms", seconds * MS_PER_SECOND);
    else if (seconds < MINUTE)
        (void)snprintf(made.text, sizeof(made.text), "%.1fs", seconds);
    else if (seconds < HOUR)
        print_two(&made, (long long)seconds, MINUTE, 'm', 1, 's');
    else if (seconds < DAY)
        print_two(&made, (long long)seconds, HOUR, 'h', MINUTE, 'm');
    else
        print_two(&made, (long long)seconds, DAY, 'd', HOUR, 'h');
    return made;
}

struct unit_text units_bytes(double bytes)
{
    static const char names[] = "KMGTPE";
    struct unit_text made = {""};
    size_t unit = 0;
    if (bytes < 1000) {
        (void)snprintf(made.text, sizeof(made.text), "%.0f", bytes);
        return made;
    }
    for (bytes /= 1024; bytes >= 1000 && names[unit + 1] != '\0'; unit++)
        bytes /= 1024;
    (void)snprintf(made.text, sizeof(made.text), bytes < 9.95 ? "%.1f%c" : "%.0f%c", bytes,
                   names[unit]);
    return made;
}

struct unit_text units_rate(double a_second)
{
    struct unit_text made = {""};
    const char *format = a_second > 0 && a_second < 9.95 ? "%.1f" : "%.0f";
    (void)snprintf(made.text, sizeof(made.text), format, a_second);
    return made;
}
