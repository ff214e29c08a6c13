/* actpass_policy: peers that may do more than all that the configuration accepts. */
#include "tests/support/conn_suite.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(peer_policy, .timeout = 60);

static struct conn_suite suite;

/* NULL: none. */
static actpass_policy *make(const char *name, const char *pin)
{
    actpass_policy *policy = actpass_policy_new();
    cr_assert_not_null(policy);
    cr_assert_str_eq(actpass_policy_error(policy), "");
    if (name)
        cr_assert_eq(actpass_policy_add_peer_name(policy, name), 0, "%s",
                     actpass_policy_error(policy));
    if (pin)
        cr_assert_eq(actpass_policy_add_peer_pin(policy, pin), 0, "%s",
                     actpass_policy_error(policy));
    return policy;
}

static void must(bool match, actpass_conn *conn, const char *name, const char *pin)
{
    char why[200] = "";
    actpass_policy *policy = make(name, pin);
    cr_assert_eq(actpass_peer_matches(conn, policy, why, sizeof(why)), match, "%s, %s: %s",
                 name ? name : "any name", pin ? pin : "any key", why);
    cr_assert_eq(strlen(why) > 20, !match, "%s", why);
    cr_assert_eq(actpass_peer_matches(conn, policy, NULL, 0), match);
    actpass_policy_free(policy);
}

Test(peer_policy, names_and_pins)
{
    conn_suite_begin(&suite);
    const char *theirs = suite.world.pair->ends[1].pin;
    const char *ours = suite.world.pair->ends[0].pin;
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        struct conn_rig_options options = conn_way(which);
        options.client_auth = true;
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        must(false, rig.conn, NULL, NULL);
        cr_assert(conn_shakes_hands(&rig), "%s", conn_rig_says(&rig));
        must(true, rig.conn, NULL, NULL);
        must(true, rig.conn, "right.example", NULL);
        must(false, rig.conn, "left.example", NULL);
        must(true, rig.conn, NULL, theirs);
        must(false, rig.conn, NULL, ours);
        must(true, rig.conn, "*.example", theirs);
        must(false, rig.conn, "left.example", theirs);
        must(false, rig.conn, "right.example", ours);
        cr_assert_eq(actpass_ended(rig.conn), ACTPASS_OPEN);
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        must(true, rig.conn, "right.example", theirs);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

Test(peer_policy, one_of_several_is_enough)
{
    conn_suite_begin(&suite);
    struct conn_rig rig;
    struct conn_rig_options options = conn_way(0);
    actpass_policy *policy = make("left.example", suite.world.pair->ends[0].pin);
    conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
    cr_assert(conn_shakes_hands(&rig), "%s", conn_rig_says(&rig));
    cr_assert_eq(actpass_policy_add_peer_name(policy, "right.example"), 0);
    cr_assert_eq(actpass_policy_add_peer_name(policy, "other.example"), 0);
    cr_assert_eq(actpass_peer_matches(rig.conn, policy, NULL, 0), 0);
    cr_assert_eq(actpass_policy_add_peer_pin(policy, suite.world.pair->ends[1].pin), 0);
    cr_assert_eq(actpass_policy_add_peer_pin(policy, suite.world.pair->ends[0].pin), 0);
    cr_assert_eq(actpass_peer_matches(rig.conn, policy, NULL, 0), 1);
    actpass_policy_free(policy);
    conn_rig_free(&rig);
    conn_suite_end(&suite);
}

Test(peer_policy, without_a_certificate_nothing_matches)
{
    conn_suite_begin(&suite);
    struct conn_rig rig;
    struct conn_rig_options options =
        conn_defaults(ACTPASS_ROLE_SERVER, 1, ACTPASS_TRANSPORT_RELAY);
    conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
    cr_assert(conn_shakes_hands(&rig), "%s", conn_rig_says(&rig));
    must(false, rig.conn, NULL, NULL);
    must(false, rig.conn, "right.example", NULL);
    conn_rig_free(&rig);
    conn_suite_end(&suite);
}

Test(peer_policy, bad_names_and_pins_change_nothing)
{
    static const char *const names[] = {"a b", "", "dns:", "*.*.example", NULL};
    static const char *const pins[] = {"sha256:12", "", "md5:00", NULL};
    conn_suite_begin(&suite);
    actpass_policy *policy = make("right.example", NULL);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        cr_assert_eq(actpass_policy_add_peer_name(policy, names[i]), -1, "%s", names[i]);
        cr_assert_gt(strlen(actpass_policy_error(policy)), 10);
    }
    for (size_t i = 0; i < sizeof(pins) / sizeof(*pins); i++) {
        cr_assert_eq(actpass_policy_add_peer_pin(policy, pins[i]), -1, "%s", pins[i]);
        cr_assert_gt(strlen(actpass_policy_error(policy)), 10);
    }
    struct conn_rig rig;
    struct conn_rig_options options = conn_way(0);
    conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
    cr_assert(conn_shakes_hands(&rig), "%s", conn_rig_says(&rig));
    cr_assert_eq(actpass_peer_matches(rig.conn, policy, NULL, 0), 1);
    conn_rig_free(&rig);
    actpass_policy_free(policy);
    actpass_policy_free(NULL);
    conn_suite_end(&suite);
}
