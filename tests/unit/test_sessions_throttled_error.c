#include "server/lib/sessions/throttled_error.h"

#include <criterion/criterion.h>

static void note(struct throttled_error *throttled, const char *text)
{
    struct error_text error;
    error_set(&error, "%s", text);
    throttled_error_note(throttled, &error);
}

Test(sessions_throttled_error, one_a_minute)
{
    struct throttled_error throttled;
    struct error_text error = {.text = "untouched"};
    cr_assert(throttled_error_init(&throttled));
    cr_assert_not(throttled_error_take(&throttled, &error), "nothing was noted");
    cr_assert_str_eq(error.text, "untouched");
    note(&throttled, "one");
    note(&throttled, "two");
    cr_assert(throttled_error_take(&throttled, &error));
    cr_assert_str_eq(error.text, "two", "the last");
    cr_assert_not(throttled_error_take(&throttled, &error), "it was taken");
    note(&throttled, "three");
    cr_assert_not(throttled_error_take(&throttled, &error), "it is too early");
    throttled.full_us -= 60000000; /* a minute later */
    cr_assert(throttled_error_take(&throttled, &error));
    cr_assert_str_eq(error.text, "three");
    throttled_error_destroy(&throttled);
}

static void count(const char *text, void *arg)
{
    cr_assert_str_eq(text, "one");
    ++*(int *)arg;
}

Test(sessions_throttled_error, one_that_is_reported_at_once)
{
    struct throttled_error throttled;
    struct error_text error = {.text = ""};
    int calls = 0;
    cr_assert(throttled_error_init(&throttled));
    throttled_error_report_to(&throttled, count, &calls);
    note(&throttled, "one");
    cr_assert_eq(calls, 1);
    note(&throttled, "two");
    cr_assert_eq(calls, 1, "it is too early");
    cr_assert_not(throttled_error_take(&throttled, &error));
    throttled.full_us -= 60000000; /* a minute later */
    note(&throttled, "one");
    cr_assert_eq(calls, 2);
    throttled_error_destroy(&throttled);
}
