/* The application's pointer of each connection. */
#include "tests/support/conn_suite.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(conn_user, .timeout = 30);

static struct conn_suite suite;

struct seen {
    int first;     /* what each connection begins with */
    int own;       /* what it gets at its first event */
    void *at_role; /* what the events have found */
    void *at_close;
};

static void note(actpass_conn *conn, actpass_event event, void *arg)
{
    struct seen *seen = arg;
    if (event == ACTPASS_EVENT_ROLE) {
        seen->at_role = actpass_user_data(conn);
        actpass_set_user_data(conn, &seen->own);
    } else if (event == ACTPASS_EVENT_CLOSE) {
        seen->at_close = actpass_user_data(conn);
    }
}

Test(conn_user, the_first_one_comes_from_the_configuration)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        struct seen seen = {0};
        struct conn_rig_options options = conn_way(which);
        options.on_event = note;
        options.on_event_arg = &seen;
        options.config = conn_config(&suite.world, &options);
        cr_assert_eq(actpass_config_set_user_data(options.config, &seen.first), 0);
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        cr_assert(conn_shakes_hands(&rig), "%s", conn_rig_says(&rig));
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        cr_assert(seen.at_role == &seen.first && seen.at_close == &seen.own, "way %d", which);
        cr_assert(actpass_user_data(rig.conn) == &seen.own);
        cr_assert_eq(actpass_config_set_user_data(options.config, NULL), -1);
        cr_assert_not_null(strstr(actpass_config_error(options.config), "in use"));
        conn_rig_free(&rig);
        actpass_config_free(options.config);
    }
    conn_suite_end(&suite);
}

Test(conn_user, each_connection_has_its_own)
{
    conn_suite_begin(&suite);
    struct conn_rig rigs[2];
    int data[2];
    struct conn_rig_options options = conn_way(0);
    options.config = conn_config(&suite.world, &options);
    for (int i = 0; i < 2; i++) {
        conn_rig_init(&rigs[i], &suite.world, &options, peer_does_nothing, NULL);
        cr_assert_null(actpass_user_data(rigs[i].conn));
        actpass_set_user_data(rigs[i].conn, &data[i]);
    }
    for (int i = 0; i < 2; i++) {
        cr_assert(actpass_user_data(rigs[i].conn) == &data[i]);
        conn_rig_free(&rigs[i]);
    }
    actpass_config_free(options.config);
    conn_suite_end(&suite);
}
