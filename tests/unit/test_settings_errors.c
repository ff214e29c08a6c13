/* actpass_config: each thread has the error of its own last failure. */
#include "tests/unit/test_settings.h"

#include <pthread.h>

TestSuite(settings_errors, .timeout = 20);

static void *fail_and_ask(void *arg)
{
    actpass_config *config = arg;
    for (int i = 0; i < 200; i++) {
        bool dials = i & 1;
        cr_assert_null(dials ? actpass_connect(config, "unix:/nobody/here")
                             : actpass_accept_fd(config, -1));
        const char *error = actpass_config_error(config);
        cr_assert(strstr(error, dials ? "/nobody/here" : "stream socket"), "%s", error);
    }
    return NULL;
}

/* Each reads its own failure, not the other's. */
Test(settings_errors, threads_that_fail_at_once)
{
    struct test_pair *pair = test_pair_new();
    actpass_config *config = usable(pair);
    pthread_t threads[2];
    cr_assert(settings_freeze(config), "%s", actpass_config_error(config));
    for (int i = 0; i < 2; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, fail_and_ask, config), 0);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    actpass_config_free(config);
    test_pair_free(pair);
}

Test(settings_errors, an_error_belongs_to_its_configuration)
{
    actpass_config *one = actpass_config_new(), *other = actpass_config_new();
    cr_assert_eq(actpass_config_set_role(one, ACTPASS_ROLE_NONE), -1);
    cr_assert_eq(actpass_config_set_transport(other, (actpass_transport)7), -1);
    const char *text = actpass_config_error(one);
    const char *other_text = actpass_config_error(other);
    cr_assert(strstr(text, "auto, server or client"), "%s", text);
    cr_assert(strstr(other_text, "relay or direct"), "%s", other_text);
    actpass_config_free(other);
    cr_assert(strstr(text, "auto"), "the other one took it along");
    actpass_config_free(one);
}

static void *ask(void *arg)
{
    cr_assert_str_eq(actpass_config_error(arg), "");
    return NULL;
}

Test(settings_errors, an_error_belongs_to_the_thread_that_failed)
{
    pthread_t thread;
    actpass_config *config = actpass_config_new();
    cr_assert_eq(actpass_config_set_role(config, ACTPASS_ROLE_NONE), -1);
    cr_assert_eq(pthread_create(&thread, NULL, ask, config), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    assert_says(config, "auto");
    actpass_config_free(config);
}
