/* The race between candidates. */
#include "relay/clock.h"
#include "server/lib/dial/dial.h"
#include "tests/support/dial_scene.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <unistd.h>

Test(dial, connects, .timeout = 60)
{
    char address[64];
    const char *texts[] = {address};
    int listener = dial_scene_socket(true, address);
    struct dial_scene scene;
    dial_scene_begin(&scene, texts, 1);
    struct resources before = resources_now();
    int fd = dial_first(&scene.dial, &scene.winner);
    cr_assert_geq(fd, 0);
    cr_assert_eq(scene.failures.count, 0);
    char text[160];
    candidate_print(&scene.winner, text, sizeof(text));
    cr_assert_str_eq(text, address);
    cr_assert_eq(scene.winner.of, &scene.addresses[0]);
    close(fd);
    cr_assert(resources_return_to(before));
    close(listener);
    dial_scene_end(&scene);
}

Test(dial, tells_each_failure_and_takes_the_next, .timeout = 60)
{
    char dead[2][64], alive[64];
    const char *texts[] = {dead[0], dead[1], alive};
    int sockets[] = {dial_scene_socket(false, dead[0]), dial_scene_socket(false, dead[1]),
                     dial_scene_socket(true, alive)};
    struct dial_scene scene;
    dial_scene_begin(&scene, texts, 3);
    int fd = dial_first(&scene.dial, &scene.winner);
    cr_assert_geq(fd, 0);
    cr_assert_eq(scene.winner.of, &scene.addresses[2]);
    cr_assert_eq(scene.failures.count, 2);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_str_eq(scene.failures.addresses[i], dead[i]);
        cr_assert_str_eq(scene.failures.reasons[i], "Connection refused");
    }
    close(fd);
    for (size_t i = 0; i < 3; i++)
        close(sockets[i]);
    dial_scene_end(&scene);
}

Test(dial, does_not_wait_for_ever_for_one_that_is_silent, .timeout = 60)
{
    char alive[64];
    struct dial_scene_hole hole;
    dial_scene_dig(&hole);
    const char *texts[] = {hole.address, alive};
    int listener = dial_scene_socket(true, alive);
    struct dial_scene scene;
    dial_scene_begin(&scene, texts, 2);
    struct resources before = resources_now();
    int fd = dial_first(&scene.dial, &scene.winner);
    cr_assert_geq(fd, 0);
    cr_assert_eq(scene.winner.of, &scene.addresses[1]);
    cr_assert_eq(scene.failures.count, 0, "the first one is just slow");
    close(fd);
    cr_assert(resources_return_to(before), "the loser of the race was closed");
    close(listener);
    dial_scene_fill(&hole);
    dial_scene_end(&scene);
}

Test(dial, ends_at_its_deadline, .timeout = 60)
{
    struct dial_scene_hole holes[2];
    dial_scene_dig(&holes[0]);
    dial_scene_dig(&holes[1]);
    const char *texts[] = {holes[0].address, holes[1].address};
    struct dial_scene scene;
    dial_scene_begin(&scene, texts, 2);
    scene.dial.deadline_us = clock_deadline_ms(2000);
    struct resources before = resources_now();
    cr_assert_eq(dial_first(&scene.dial, &scene.winner), -1);
    cr_assert_eq(scene.failures.count, 2, "each had its share of the time");
    for (size_t i = 0; i < 2; i++)
        cr_assert_str_eq(scene.failures.reasons[i], "no answer within connect_timeout");
    cr_assert(resources_return_to(before));
    dial_scene_fill(&holes[0]);
    dial_scene_fill(&holes[1]);
    dial_scene_end(&scene);
}

static void *cancel_soon(void *arg)
{
    pause_ms(50);
    cr_assert_eq(eventfd_write(*(int *)arg, 1), 0);
    return NULL;
}

Test(dial, can_be_cancelled, .timeout = 60)
{
    struct dial_scene_hole hole;
    pthread_t thread;
    dial_scene_dig(&hole);
    const char *texts[] = {hole.address};
    struct dial_scene scene;
    dial_scene_begin(&scene, texts, 1);
    scene.dial.deadline_us = DEADLINE_NEVER;
    scene.dial.wait.cancel_fd = eventfd(0, EFD_CLOEXEC);
    cr_assert_not(dial_is_cancelled(scene.dial.wait.cancel_fd));
    cr_assert_eq(pthread_create(&thread, NULL, cancel_soon, &scene.dial.wait.cancel_fd), 0);
    cr_assert_eq(dial_first(&scene.dial, &scene.winner), -1);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert(dial_is_cancelled(scene.dial.wait.cancel_fd));
    cr_assert_eq(scene.failures.count, 0, "nobody failed");
    cr_assert_eq(dial_first(&scene.dial, &scene.winner), -1, "and stays so");
    close(scene.dial.wait.cancel_fd);
    dial_scene_fill(&hole);
    dial_scene_end(&scene);
}

Test(dial, one_candidate_alone, .timeout = 60)
{
    char dead[64], alive[64];
    const char *texts[] = {dead, alive};
    int sockets[] = {dial_scene_socket(false, dead), dial_scene_socket(true, alive)};
    struct dial_scene scene;
    struct candidates candidates;
    struct candidate each;
    dial_scene_begin(&scene, texts, 2);
    candidates_begin(&candidates, scene.addresses, 2);
    cr_assert(candidates_next(&candidates, &scene.dial.observer, &each));
    cr_assert_eq(dial_one(&scene.dial, &each), -1);
    cr_assert_eq(scene.failures.count, 1);
    cr_assert(candidates_next(&candidates, &scene.dial.observer, &each));
    int fd = dial_one(&scene.dial, &each);
    cr_assert_geq(fd, 0);
    cr_assert_not(candidates_next(&candidates, &scene.dial.observer, &each));
    candidates_end(&candidates);
    close(fd);
    close(sockets[0]);
    close(sockets[1]);
    dial_scene_end(&scene);
}

/* A unix socket with a full backlog answers at once that it would block, and poll says nothing. */
static void *accept_one_later(void *arg)
{
    pause_ms(100);
    int fd = accept(*(int *)arg, NULL, NULL);
    cr_assert_geq(fd, 0);
    close(fd);
    return NULL;
}

Test(dial, a_busy_unix_socket_is_tried_again, .timeout = 60)
{
    char path[] = "/tmp/actpass-dial-XXXXXX";
    char text[160];
    cr_assert_not_null(mkdtemp(path));
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    (void)snprintf(where.sun_path, sizeof(where.sun_path), "%s/socket", path);
    (void)snprintf(text, sizeof(text), "unix:%s", where.sun_path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&where, sizeof(where)), 0);
    cr_assert_eq(listen(listener, 0), 0);
    int first = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(first, (struct sockaddr *)&where, sizeof(where)), 0);
    const char *texts[] = {text};
    struct dial_scene scene;
    pthread_t thread;
    dial_scene_begin(&scene, texts, 1);
    cr_assert_eq(pthread_create(&thread, NULL, accept_one_later, &listener), 0);
    int fd = dial_first(&scene.dial, &scene.winner);
    cr_assert_geq(fd, 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    close(fd);
    close(first);
    close(listener);
    (void)unlink(where.sun_path);
    (void)rmdir(path);
    dial_scene_end(&scene);
}

/* ---- From a local address ------------------------------------------------------------------- */

Test(dial, from_a_fixed_port_time_and_again, .timeout = 60)
{
    char alive[64], from[64], text[64];
    const char *texts[] = {alive};
    int listener = dial_scene_socket(true, alive);
    struct dial_scene scene;
    dial_scene_free_port(from);
    dial_scene_begin_from(&scene, texts, 1, from);
    for (int i = 0; i < 3; i++) { /* each leaves its ports in TIME_WAIT */
        int fd = dial_first(&scene.dial, &scene.winner);
        cr_assert_geq(fd, 0, "%d: %s", i, scene.failures.reasons[0]);
        dial_scene_address(fd, text);
        cr_assert_str_eq(text, from);
        int accepted = accept(listener, NULL, NULL);
        cr_assert_geq(accepted, 0);
        close(fd);
        cr_assert_eq(read(accepted, text, 1), 0);
        close(accepted);
    }
    close(listener);
    dial_scene_end_from(&scene);
}

Test(dial, from_an_address_with_any_port, .timeout = 60)
{
    char alive[64], text[64];
    const char *texts[] = {alive};
    int listener = dial_scene_socket(true, alive);
    struct dial_scene scene;
    dial_scene_begin_from(&scene, texts, 1, "127.0.0.2:0");
    int fd = dial_first(&scene.dial, &scene.winner);
    cr_assert_geq(fd, 0);
    dial_scene_address(fd, text);
    cr_assert_eq(strncmp(text, "127.0.0.2:", 10), 0, "%s", text);
    cr_assert_str_neq(text, "127.0.0.2:0");
    close(fd);
    close(listener);
    dial_scene_end_from(&scene);
}

Test(dial, one_of_another_family_than_the_local_address_is_left_out, .timeout = 60)
{
    char alive[64];
    const char *texts[] = {"[::1]:9", alive};
    int listener = dial_scene_socket(true, alive);
    struct dial_scene scene;
    dial_scene_begin_from(&scene, texts, 2, "0.0.0.0:0");
    struct resources before = resources_now();
    int fd = dial_first(&scene.dial, &scene.winner);
    cr_assert_geq(fd, 0);
    cr_assert_eq(scene.winner.of, &scene.addresses[1]);
    cr_assert_eq(scene.failures.count, 1);
    cr_assert_str_eq(scene.failures.addresses[0], "[::1]:9");
    cr_assert_str_eq(scene.failures.reasons[0],
                     "left out, because dial_from (0.0.0.0:0) is of another family");
    close(fd);
    cr_assert(resources_return_to(before));
    close(listener);
    dial_scene_end_from(&scene);
}

Test(dial, a_unix_socket_has_no_local_address, .timeout = 60)
{
    const char *texts[] = {"unix:/nowhere"};
    struct dial_scene scene;
    dial_scene_begin_from(&scene, texts, 1, "0.0.0.0:0");
    cr_assert_eq(dial_first(&scene.dial, &scene.winner), -1);
    cr_assert_eq(scene.failures.count, 1);
    cr_assert_str_eq(scene.failures.reasons[0], "No such file or directory");
    dial_scene_end_from(&scene);
}

Test(dial, from_where_somebody_listens, .timeout = 60)
{
    char alive[64], from[64], expected[160];
    const char *texts[] = {alive};
    int listeners[] = {dial_scene_socket(true, alive), dial_scene_socket(true, from)};
    struct dial_scene scene;
    dial_scene_begin_from(&scene, texts, 1, from);
    struct resources before = resources_now();
    cr_assert_eq(dial_first(&scene.dial, &scene.winner), -1);
    cr_assert_eq(scene.failures.count, 1);
    (void)snprintf(expected, sizeof(expected), "cannot dial from %s: Address already in use", from);
    cr_assert_str_eq(scene.failures.reasons[0], expected);
    cr_assert(resources_return_to(before));
    close(listeners[0]);
    close(listeners[1]);
    dial_scene_end_from(&scene);
}

Test(dial, from_a_port_that_is_connected_there_already, .timeout = 60)
{
    char alive[64], from[64];
    const char *texts[] = {alive};
    int listener = dial_scene_socket(true, alive);
    struct dial_scene scene;
    dial_scene_free_port(from);
    dial_scene_begin_from(&scene, texts, 1, from);
    int fd = dial_first(&scene.dial, &scene.winner);
    cr_assert_geq(fd, 0);
    scene.dial.deadline_us = clock_deadline_ms(100);
    cr_assert_eq(dial_first(&scene.dial, &scene.winner), -1);
    cr_assert_eq(scene.failures.count, 1);
    cr_assert_str_eq(scene.failures.reasons[0],
                     "the last connection from the port of dial_from to it has not ended yet");
    close(fd);
    close(listener);
    dial_scene_end_from(&scene);
}

static void *close_soon(void *arg)
{
    pause_ms(100);
    close(*(int *)arg);
    return NULL;
}

/* We have closed, and the peer does a moment later. */
Test(dial, waits_for_the_last_connection_from_its_port, .timeout = 60)
{
    char alive[64], from[64];
    const char *texts[] = {alive};
    int listener = dial_scene_socket(true, alive);
    struct dial_scene scene;
    pthread_t thread;
    dial_scene_free_port(from);
    dial_scene_begin_from(&scene, texts, 1, from);
    int fd = dial_first(&scene.dial, &scene.winner);
    cr_assert_geq(fd, 0);
    int accepted = accept(listener, NULL, NULL);
    cr_assert_geq(accepted, 0);
    close(fd);
    cr_assert_eq(pthread_create(&thread, NULL, close_soon, &accepted), 0);
    fd = dial_first(&scene.dial, &scene.winner);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_geq(fd, 0, "%s", scene.failures.reasons[0]);
    cr_assert_eq(scene.failures.count, 0);
    close(fd);
    close(listener);
    dial_scene_end_from(&scene);
}

/* Nobody listens: the SYN meets a socket that connects, too, and that is the same one. */
Test(dial, simultaneous_open, .timeout = 60)
{
    char address[64];
    char byte = 'x';
    const char *texts[] = {address};
    struct dial_scene scene;
    dial_scene_free_port(address);
    dial_scene_begin_from(&scene, texts, 1, address);
    int fd = dial_first(&scene.dial, &scene.winner);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, &byte, 1), 1);
    struct pollfd set = {.fd = fd, .events = POLLIN};
    cr_assert_eq(poll(&set, 1, DIAL_SCENE_LONG_MS), 1);
    cr_assert_eq(read(fd, &byte, 1), 1);
    close(fd);
    dial_scene_end_from(&scene);
}
