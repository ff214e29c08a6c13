/* A dial through a proxy, step by step; the proxy is a thread that follows a script. Direct ones
 * are in test_race.c and test_dial.c. */
#include "server/lib/dial/steps.h"

#include "relay/clock.h"
#include "tests/support/dial_scene.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TestSuite(steps, .timeout = 60);

enum { MAX_TURNS = 4 };

/* What the proxy answers on its first connection, its second, and so on; NULL: nothing. */
struct proxy {
    int listener;
    char address[64];
    const char *answers[MAX_TURNS];
    size_t count;
    char requests[MAX_TURNS][256];
    int fds[MAX_TURNS];
    pthread_t thread;
};

static void *serve(void *arg)
{
    struct proxy *proxy = arg;
    for (size_t i = 0; i < proxy->count; i++) {
        int fd = proxy->fds[i] = accept(proxy->listener, NULL, NULL);
        if (fd < 0 || recv(fd, proxy->requests[i], sizeof(proxy->requests[i]) - 1, 0) <= 0)
            return proxy;
        const char *answer = proxy->answers[i];
        if (answer && send(fd, answer, strlen(answer), MSG_NOSIGNAL) < 0)
            return proxy;
    }
    return NULL;
}

struct scene {
    struct dial_scene dial;
    struct proxy proxy;
    struct config_proxy url;
    struct through through;
    struct dial_steps steps;
    int fd;
};

static void begin(struct scene *scene, const char *const *targets, size_t count)
{
    char url[80];
    memset(scene, 0, sizeof(*scene));
    dial_scene_begin(&scene->dial, targets, count);
    scene->proxy.listener = dial_scene_socket(true, scene->proxy.address);
    (void)snprintf(url, sizeof(url), "http://%s", scene->proxy.address);
    cr_assert_null(config_proxy_parse(url, &scene->url));
    scene->through.proxy = &scene->url;
    scene->dial.dial.through = &scene->through;
}

static void end(struct scene *scene)
{
    for (size_t i = 0; i < scene->proxy.count; i++)
        close(scene->proxy.fds[i]);
    close(scene->proxy.listener);
    config_proxy_free(&scene->url);
    dial_scene_end(&scene->dial);
}

static void start_proxy(struct scene *scene, const char *const *answers, size_t count)
{
    memcpy(scene->proxy.answers, answers, count * sizeof(*answers));
    scene->proxy.count = count;
    cr_assert_eq(pthread_create(&scene->proxy.thread, NULL, serve, &scene->proxy), 0);
}

static void join_proxy(const struct scene *scene)
{
    void *failed;
    cr_assert_eq(pthread_join(scene->proxy.thread, &failed), 0);
    cr_assert_null(failed);
}

/* Waits as a task does: what it watched before must be open until it watches something else. */
static enum race_result run(struct scene *scene)
{
    struct pollfd own;
    struct timespec left;
    int watched = -1;
    enum race_result result;
    unsigned waits = 0;
    steps_begin(&scene->steps, &scene->dial.dial);
    for (;;) {
        result = steps_go(&scene->steps, &scene->dial.winner, &scene->fd);
        cr_assert(watched < 0 || fcntl(watched, F_GETFD) >= 0, "it is watched and closed");
        if (result != RACE_WAITS)
            break;
        int64_t until_us = steps_wait(&scene->steps, &own);
        watched = own.fd;
        cr_assert_geq(ppoll(&own, 1, clock_left(until_us, &left), NULL), 0);
        cr_assert_lt(++waits, 100, "it steps only when something has come");
    }
    steps_end(&scene->steps, 0);
    return result;
}

Test(steps, the_first_address_is_refused_and_the_second_reached)
{
    const char *targets[] = {"a.example:1", "[::1]:2"};
    const char *answers[] = {"HTTP/1.1 502 No\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nhello"};
    struct scene scene;
    char text[128];
    begin(&scene, targets, 2);
    struct resources before = resources_now();
    start_proxy(&scene, answers, 2);
    cr_assert_eq(run(&scene), RACE_WON);
    join_proxy(&scene);
    cr_assert_eq(scene.dial.winner.of, &scene.dial.addresses[1]);
    candidate_print(&scene.dial.winner, text, sizeof(text));
    cr_assert_str_eq(text, scene.proxy.address, "to which the socket is connected");
    cr_assert_eq(recv(scene.fd, text, sizeof(text), 0), 5);
    cr_assert_eq(strncmp(scene.proxy.requests[0], "CONNECT a.example:1 ", 20), 0);
    cr_assert_eq(strncmp(scene.proxy.requests[1], "CONNECT [::1]:2 ", 16), 0);
    cr_assert_eq(scene.dial.failures.count, 1);
    cr_assert_str_eq(scene.dial.failures.addresses[0], "a.example:1");
    (void)snprintf(text, sizeof(text), "the proxy %s refused: 502 No", scene.proxy.address);
    cr_assert_str_eq(scene.dial.failures.reasons[0], text);
    close(scene.fd);
    close(scene.proxy.fds[0]);
    close(scene.proxy.fds[1]);
    scene.proxy.count = 0;
    cr_assert(resources_return_to(before));
    end(&scene);
}

Test(steps, each_address_has_its_part_of_the_time)
{
    const char *targets[] = {"a.example:1", "b.example:1"};
    const char *answers[] = {NULL, "HTTP/1.1 200 OK\r\n\r\n"};
    struct scene scene;
    begin(&scene, targets, 2);
    scene.dial.dial.deadline_us = clock_deadline_ms(1000);
    start_proxy(&scene, answers, 2);
    cr_assert_eq(run(&scene), RACE_WON);
    join_proxy(&scene);
    cr_assert_eq(scene.dial.winner.of, &scene.dial.addresses[1]);
    cr_assert_eq(scene.dial.failures.count, 1);
    cr_assert_not_null(strstr(scene.dial.failures.reasons[0],
                              " has not connected to it within its part of connect_timeout"));
    close(scene.fd);
    end(&scene);
}

Test(steps, all_are_refused)
{
    const char *targets[] = {"a.example:1", "b.example:1"};
    const char *answers[] = {"HTTP/1.1 502 No\r\n\r\n", "no"};
    struct scene scene;
    begin(&scene, targets, 2);
    start_proxy(&scene, answers, 2);
    cr_assert_eq(run(&scene), RACE_FAILED);
    join_proxy(&scene);
    cr_assert_eq(scene.dial.failures.count, 2);
    cr_assert_str_eq(scene.dial.failures.addresses[1], "b.example:1");
    end(&scene);
}

Test(steps, a_proxy_that_is_down_is_not_asked_again)
{
    const char *targets[] = {"a.example:1", "b.example:1"};
    struct scene scene;
    begin(&scene, targets, 2);
    close(scene.proxy.listener);
    scene.proxy.listener = -1;
    struct resources before = resources_now();
    cr_assert_eq(run(&scene), RACE_FAILED);
    cr_assert_eq(scene.dial.failures.count, 1);
    cr_assert_str_eq(scene.dial.failures.addresses[0], "a.example:1");
    cr_assert_not_null(
        strstr(scene.dial.failures.reasons[0], " cannot be reached: Connection refused"));
    cr_assert(resources_return_to(before));
    end(&scene);
}

/* Ends in the middle, as when the server stops. */
Test(steps, can_be_given_up_at_each_stage)
{
    const char *targets[] = {"a.example:1", "b.example:1"};
    struct scene scene;
    begin(&scene, targets, 2);
    struct resources before = resources_now();
    for (unsigned steps = 0; steps < 3; steps++) {
        steps_begin(&scene.steps, &scene.dial.dial);
        for (unsigned i = 0; i < steps; i++)
            cr_assert_eq(steps_go(&scene.steps, &scene.dial.winner, &scene.fd), RACE_WAITS);
        steps_end(&scene.steps, ECANCELED);
        cr_assert(resources_return_to(before));
    }
    cr_assert_eq(scene.dial.failures.count, 0);
    end(&scene);
}

/* dial_first waits with poll. */
Test(steps, dial_first_goes_through_the_proxy)
{
    const char *targets[] = {"a.example:1", "b.example:1"};
    const char *answers[] = {"HTTP/1.1 403 No\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"};
    struct scene scene;
    begin(&scene, targets, 2);
    start_proxy(&scene, answers, 2);
    int fd = dial_first(&scene.dial.dial, &scene.dial.winner);
    join_proxy(&scene);
    cr_assert_geq(fd, 0);
    cr_assert_eq(scene.dial.winner.of, &scene.dial.addresses[1]);
    close(fd);
    end(&scene);
}
