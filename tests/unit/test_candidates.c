/* The candidates behind configured addresses, and their order. */
#include "server/lib/dial/dial.h"
#include "tests/support/dial_scene.h"

#include <criterion/criterion.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

Test(candidates, both_families_of_a_name_stand_behind_it, .timeout = 60)
{
    const char *texts[] = {"localhost:443", "[::1]:444", "unix:/nowhere", "127.0.0.1:445"};
    struct dial_scene scene;
    struct candidates candidates;
    struct candidate each;
    dial_scene_begin(&scene, texts, 4);
    candidates_begin(&candidates, scene.addresses, 4);
    size_t of_each[4] = {0};
    size_t last = 0;
    while (candidates_next(&candidates, &scene.dial.observer, &each)) {
        size_t number = (size_t)(each.of - scene.addresses);
        cr_assert_geq(number, last, "in the order of the configuration");
        last = number;
        of_each[number]++;
        cr_assert_gt(each.size, 0);
    }
    candidates_end(&candidates);
    cr_assert_geq(of_each[0], 1);
    cr_assert(of_each[1] == 1 && of_each[2] == 1 && of_each[3] == 1);
    cr_assert_eq(scene.failures.count, 0);
    dial_scene_end(&scene);
}

/* RFC 8305 section 4. '6' and '4' are families, letters tell the addresses apart. */
Test(candidates, families_come_in_turn)
{
    static const struct {
        const char *families, *order;
    } rows[] = {{"", ""},           {"6", "a"},       {"66", "ab"},
                {"64", "ab"},       {"6644", "acbd"}, {"4466", "acbd"},
                {"66664", "aebcd"}, {"464", "abc"},   {"444466", "aebfcd"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct addrinfo list[8] = {{0}};
        char order[9] = "";
        size_t count = strlen(rows[i].families);
        for (size_t k = 0; k < count; k++) {
            list[k].ai_family = rows[i].families[k] == '6' ? AF_INET6 : AF_INET;
            list[k].ai_next = k + 1 < count ? &list[k + 1] : NULL;
        }
        struct addrinfo *each = candidates_in_turn(count > 0 ? list : NULL);
        for (size_t k = 0; k < 8 && each; k++, each = each->ai_next)
            order[k] = (char)('a' + (each - list));
        cr_assert_str_eq(order, rows[i].order, "%s", rows[i].families);
    }
}

Test(candidates, a_name_that_is_not_there_is_told_and_passed_over, .timeout = 60)
{
    char alive[64];
    const char *texts[] = {"nowhere.invalid:1", alive};
    int listener = dial_scene_socket(true, alive);
    struct dial_scene scene;
    dial_scene_begin(&scene, texts, 2);
    int fd = dial_first(&scene.dial, &scene.winner);
    cr_assert_geq(fd, 0);
    cr_assert_eq(scene.failures.count, 1);
    cr_assert_str_eq(scene.failures.addresses[0], "nowhere.invalid:1");
    cr_assert_gt(strlen(scene.failures.reasons[0]), 0);
    close(fd);
    close(listener);
    dial_scene_end(&scene);
}

Test(candidates, how_candidates_are_written, .timeout = 60)
{
    static const char *const texts[] = {"127.0.0.1:443", "[::1]:443", "unix:/run/socket"};
    for (size_t i = 0; i < 3; i++) {
        struct dial_scene scene;
        struct candidates candidates;
        struct candidate each;
        char text[160];
        dial_scene_begin(&scene, &texts[i], 1);
        candidates_begin(&candidates, scene.addresses, 1);
        cr_assert(candidates_next(&candidates, &scene.dial.observer, &each));
        candidate_print(&each, text, sizeof(text));
        cr_assert_str_eq(text, texts[i]);
        candidates_end(&candidates);
        dial_scene_end(&scene);
    }
}
