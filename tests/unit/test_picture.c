#include "server/daemon/commands/picture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const char gate[] =
    "{\"name\": \"gate\", \"listen\": \"[::]:443\", \"dial\": [], \"accepted\": %d, \"refused\": "
    "{\"rate\": 2, \"denied\": 1}, \"closed\": [{\"reason\": \"CLEAN\", \"count\": 9}, "
    "{\"reason\": \"UNUSED\", \"count\": 8}, "
    "{\"reason\": "
    "\"RESET\", \"cause\": \"silence\", \"count\": 4}, {\"reason\": \"TRUNCATED\", \"cause\": "
    "\"closed_before_first_byte\", \"count\": 5}], \"certificates\": [{\"not_after_ms\": "
    "90000000}, "
    "{\"not_after_ms\": %d}]}";

/* A /status at a time in seconds since the start of the daemon. */
static cJSON *status(int seconds, int accepted, int not_after_ms, const char *more)
{
    char *service = NULL, *text = NULL;
    cr_assert(asprintf(&service, gate, accepted, not_after_ms) > 0);
    cr_assert(asprintf(&text, "{\"started_ms\": 1000, \"time_ms\": %d, \"services\": [%s]%s}",
                       1000 + 1000 * seconds, service, more) > 0);
    cJSON *made = cJSON_Parse(text);
    cr_assert_not_null(made, "%s", text);
    free(service);
    free(text);
    return made;
}

static char *drawn(const cJSON *now, const cJSON *before, size_t lines)
{
    const struct picture picture = {
        .now = now, .before = before, .lines = lines, .look = {.head_begin = "", .head_end = ""}};
    char *text = picture_text(&picture);
    cr_assert_not_null(text);
    return text;
}

static void assert_holds(const char *text, const char *part)
{
    cr_assert_not_null(strstr(text, part), "%s is not in:\n%s", part, text);
}

static void assert_drawn(cJSON *now, cJSON *before, const char *part)
{
    char *text = drawn(now, before, 0);
    assert_holds(text, part);
    free(text);
    cJSON_Delete(now);
    cJSON_Delete(before);
}

static size_t count_lines(const char *text)
{
    size_t lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

Test(picture, counters_of_a_service)
{ /* a port scan is no failure */
    assert_drawn(
        status(100, 20, 61000, ""), NULL,
        "TAKEN  FAILED  REFUSED  RESUMED  RECEIVED  SENT  CERTIFICATE\n"
        "gate     [::]:443  -        0    0     20       4        3        0         0     "
        "0      expired\n");
}

Test(picture, the_certificate_that_expires_first)
{
    assert_drawn(status(0, 20, 61000, ""), NULL, "  1m00s\n");
}

Test(picture, rates_are_between_two_answers)
{
    assert_drawn(status(14, 50, 0, ""), status(10, 20, 0, ""), "  7.5         0");
}

Test(picture, another_process_has_no_rates)
{
    cJSON *before = status(10, 20, 0, "");
    cJSON_ReplaceItemInObjectCaseSensitive(before, "started_ms", cJSON_CreateNumber(500));
    assert_drawn(status(14, 50, 0, ""), before, "      -         -           -       -     50");
}

Test(picture, an_answer_that_lacks_all_is_drawn)
{
    assert_drawn(cJSON_Parse("{\"services\": [{}, 7, null], \"failed\": [{}, 7], \"connections\": "
                             "[null, {\"timeline\": 7}]}"),
                 cJSON_Parse("[]"), "FAILED");
}

#define FAILED                                                                              \
    "{\"conn\": 8, \"peer\": \"x\", \"accepted_ms\": 2000, \"error\": \"bad \\u001b[2J\", " \
    "\"reason\": \"REFUSED\", \"timeline\": {\"accept\": 0, \"hello\": null, \"end\": 1500}}"
#define OPEN "{\"conn\": 9, \"state\": \"waiting\", \"accepted_ms\": 2000, \"timeline\": {}}"

Test(picture, when_it_failed_and_how_long_it_is_open)
{
    static const char both[] = ", \"failed\": [" FAILED "], \"connections\": [" OPEN "]";
    assert_drawn(status(5, 1, 0, both), NULL,
                 "\n  2.5s  -           8  x     -     -      REFUSED     -        -      -"
                 "          -     -  1.5s  bad \\x1b[2J  -\n");
    assert_drawn(status(5, 1, 0, both), NULL, "\n4.0s  -           9  -     -     -      waiting");
}

Test(picture, failures_first_and_no_more_lines_than_there_are)
{
    cJSON *now = status(5, 1, 0,
                        ", \"failed\": [" FAILED "," FAILED "," FAILED "," FAILED "], "
                        "\"connections\": [" OPEN "," OPEN "," OPEN "," OPEN "]");
    for (size_t lines = 9; lines < 20; lines++) {
        char *text = drawn(now, NULL, lines);
        cr_assert_leq(count_lines(text), lines, "%s", text);
        assert_holds(text, "bad ");
        free(text);
    }
    cJSON_Delete(now);
}

/* ---- Pools ----------------------------------------------------------------------------------- */

#define JOIN "{\"device\": 20, \"client\": 1020, \"gate\": \"gate\", \"by\": \"connect\"}"
#define DEVICES                                                                               \
    "{\"name\": \"used\", \"offers\": 2, \"waiting\": 0, \"since_ms\": 2000, \"joined\": 1, " \
    "\"joins\": [" JOIN "]}, "                                                                \
    "{\"name\": \"idle \\u001b[2J\", \"offers\": 1, \"since_ms\": null, \"waiting\": 3, "     \
    "\"joined\": 0, \"joins\": []}, {}, {}, {}"
#define POOLS                                                                                \
    ", \"pools\": [{\"name\": \"field\", \"offers\": 3, \"names\": 2, \"waiting\": 3, "      \
    "\"joined\": 1, \"joined_total\": 12, \"displaced\": 4, \"results\": {\"reached\": 12, " \
    "\"unknown\": 2, \"failed\": 3}, \"devices\": [" DEVICES "]}]"

Test(picture, pools_and_their_devices)
{
    assert_drawn(status(5, 1, 0, POOLS), NULL,
                 "\n\nPOOL   OFFERS  NAMES  WAITING  JOINED  REACHED  MISSED  DISPLACED\n"
                 "field       3      2        3       1       12       5          4\n\n"
                 "POOL   DEVICE        OFFERS   FOR  WAITING  JOINED  CONN  WITH\n"
                 "field  used               2  4.0s        0       1    20  gate 1020\n"
                 "field  idle \\x1b[2J       1     -        3       0     -  -\n");
}

Test(picture, devices_leave_lines_for_connections)
{
    cJSON *now = status(5, 1, 0, POOLS ", \"failed\": [" FAILED "," FAILED "," FAILED "]");
    for (size_t lines = 14; lines < 25; lines++) {
        char *text = drawn(now, NULL, lines);
        cr_assert_leq(count_lines(text), lines, "%zu: %s", lines, text);
        assert_holds(text, "bad ");
        free(text);
    }
    cJSON_Delete(now);
}
