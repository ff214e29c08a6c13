#include "server/daemon/control/wire.h"

#include "relay/clock.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct scene {
    struct wire ends[2];
    char line[WIRE_LINE_MAX];
};

static void begin(struct scene *scene)
{
    int fds[2];
    sockets_unix(fds);
    wire_begin(&scene->ends[0], fds[0]);
    wire_begin(&scene->ends[1], fds[1]);
}

static void end(struct scene *scene)
{
    wire_end(&scene->ends[0]);
    wire_end(&scene->ends[1]);
    wire_end(&scene->ends[1]);
}

/* A descriptor that can be told from all others by the size of its file. */
static int numbered(int number)
{
    int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(ftruncate(fd, number), 0);
    return fd;
}

static int number_of(int fd)
{
    struct stat status;
    cr_assert_eq(fstat(fd, &status), 0);
    cr_assert_neq(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    close(fd);
    return (int)status.st_size;
}

Test(wire, lines_come_as_they_were_sent)
{
    struct scene scene;
    begin(&scene);
    cr_assert_eq(wire_take(&scene.ends[1], scene.line), WIRE_NOTHING);
    cr_assert(wire_send(&scene.ends[0], -1, "one %d", 1));
    cr_assert(wire_send(&scene.ends[0], -1, "%s", ""));
    cr_assert(wire_send(&scene.ends[0], -1, "two\nlines"));
    static const char *const expected[] = {"one 1", "", "two lines"};
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(wire_take(&scene.ends[1], scene.line), WIRE_LINE);
        cr_assert_str_eq(scene.line, expected[i]);
        cr_assert_eq(wire_take_descriptor(&scene.ends[1]), -1);
    }
    cr_assert_eq(wire_take(&scene.ends[1], scene.line), WIRE_NOTHING);
    wire_end(&scene.ends[0]);
    cr_assert_eq(wire_take(&scene.ends[1], scene.line), WIRE_ENDED);
    end(&scene);
}

/* One byte at a time, and the end in the middle of a line. */
Test(wire, a_line_in_pieces)
{
    struct scene scene;
    begin(&scene);
    for (const char *at = "abc"; *at; at++) {
        cr_assert_eq(send(scene.ends[0].fd, at, 1, 0), 1);
        cr_assert_eq(wire_take(&scene.ends[1], scene.line), WIRE_NOTHING);
    }
    cr_assert_eq(send(scene.ends[0].fd, "\nx", 2, 0), 2);
    cr_assert_eq(wire_take(&scene.ends[1], scene.line), WIRE_LINE);
    cr_assert_str_eq(scene.line, "abc");
    wire_end(&scene.ends[0]);
    cr_assert_eq(wire_take(&scene.ends[1], scene.line), WIRE_ENDED);
    end(&scene);
}

Test(wire, what_is_too_long_is_cut_or_refused)
{
    struct scene scene;
    char text[2 * WIRE_LINE_MAX];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    begin(&scene);
    cr_assert(wire_send(&scene.ends[0], -1, "%s", text));
    cr_assert_eq(wire_take(&scene.ends[1], scene.line), WIRE_LINE);
    cr_assert_geq(strlen(scene.line), WIRE_LINE_MAX - 8);
    cr_assert_eq(send(scene.ends[0].fd, text, sizeof(text), 0), (ssize_t)sizeof(text));
    cr_assert_eq(wire_take(&scene.ends[1], scene.line), WIRE_ENDED);
    end(&scene);
}

/* More than the socket's buffers hold, read on another thread. */
enum { LINES = 3000 };

static void *send_numbered(void *arg)
{
    struct scene *scene = arg;
    for (int i = 0; i < LINES; i++) {
        int fd = i % 3 == 0 ? numbered(i) : -1;
        (void)wire_send(&scene->ends[0], fd, "%d", i);
        if (fd >= 0)
            close(fd);
    }
    return NULL;
}

Test(wire, each_descriptor_comes_with_its_line, .timeout = 60)
{
    struct scene scene;
    pthread_t thread;
    struct resources before = resources_now();
    begin(&scene);
    cr_assert_eq(pthread_create(&thread, NULL, send_numbered, &scene), 0);
    for (int i = 0; i < LINES; i++) {
        char expected[16];
        (void)snprintf(expected, sizeof(expected), "%d", i);
        cr_assert_eq(wire_await(&scene.ends[1], scene.line, clock_deadline_ms(20000)), WIRE_LINE);
        cr_assert_str_eq(scene.line, expected);
        if (i % 3 == 0)
            cr_assert_eq(number_of(wire_take_descriptor(&scene.ends[1])), i);
    }
    cr_assert_eq(pthread_join(thread, NULL), 0);
    end(&scene);
    cr_assert(resources_return_to(before));
}

Test(wire, descriptors_that_nobody_takes_are_closed)
{
    struct scene scene;
    struct resources before = resources_now();
    begin(&scene);
    for (int i = 0; i < 2 * WIRE_DESCRIPTORS_MAX; i++) {
        cr_assert(wire_send(&scene.ends[0], STDIN_FILENO, "x"));
        cr_assert_eq(wire_take(&scene.ends[1], scene.line), WIRE_LINE);
    }
    end(&scene);
    cr_assert(resources_return_to(before));
}

Test(wire, nobody_to_connect_to)
{
    struct wire wire;
    char path[200];
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    cr_assert_eq(wire_connect(&wire, path), ENAMETOOLONG);
    cr_assert_eq(wire_connect(&wire, "/no-such-folder/socket"), ENOENT);
    cr_assert_eq(wire.fd, -1);
    wire_end(&wire);
}

Test(wire, a_deadline_and_a_peer_that_is_gone)
{
    struct scene scene;
    begin(&scene);
    cr_assert_eq(wire_await(&scene.ends[1], scene.line, clock_now_us()), WIRE_NOTHING);
    wire_end(&scene.ends[1]);
    cr_assert_not(wire_send(&scene.ends[0], -1, "x"));
    end(&scene);
}
