#include "server/daemon/commands/units.h"

#include <criterion/criterion.h>
#include <math.h>

static void assert_text(struct unit_text made, const char *wanted)
{
    cr_assert_str_eq(made.text, wanted);
}

Test(units, durations_from_microseconds_to_days)
{
    assert_text(units_duration(-1), "0.0ms");
    assert_text(units_duration(0.43), "0.4ms");
    assert_text(units_duration(999), "999.0ms");
    assert_text(units_duration(1500), "1.5s");
    assert_text(units_duration(185000), "3m05s");
    assert_text(units_duration(15120e3), "4h12m");
    assert_text(units_duration((3 * 86400 + 4 * 3600) * 1e3), "3d04h");
}

/* What a JSON number can be, and what comes of a difference of two. */
Test(units, durations_that_are_none)
{
    static const char longest[] = "1157407d09h";
    assert_text(units_duration(1e18), longest);
    assert_text(units_duration(1e300), longest);
    assert_text(units_duration(INFINITY), longest);
    assert_text(units_duration(-INFINITY), "0.0ms");
    assert_text(units_duration(NAN), longest);
}

Test(units, bytes_have_at_most_three_digits)
{
    assert_text(units_bytes(0), "0");
    assert_text(units_bytes(999), "999");
    assert_text(units_bytes(1000), "1.0K");
    assert_text(units_bytes(1228), "1.2K");
    assert_text(units_bytes(34.0 * 1024 * 1024), "34M");
    assert_text(units_bytes(1000.0 * 1024 * 1024), "1.0G");
    assert_text(units_bytes(1e19), "8.7E");
    assert_text(units_bytes(1e24), "867362E"); /* there is no larger unit */
}

Test(units, rates)
{
    assert_text(units_rate(0), "0");
    assert_text(units_rate(0.44), "0.4");
    assert_text(units_rate(9.96), "10");
    assert_text(units_rate(1234.5), "1234");
}
