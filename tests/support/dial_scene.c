#include "tests/support/dial_scene.h"

#include "relay/clock.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

static void note(void *arg, const char *address, const char *why)
{
    struct failures *failures = arg;
    cr_assert_lt(failures->count, DIAL_SCENE_FAILURES);
    (void)snprintf(failures->addresses[failures->count], 160, "%s", address);
    (void)snprintf(failures->reasons[failures->count], 160, "%s", why);
    failures->count++;
}

int dial_scene_socket(bool listens, char *address)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(where);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&where, sizeof(where)), 0);
    cr_assert(!listens || listen(fd, 8) == 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&where, &length), 0);
    (void)snprintf(address, 64, "127.0.0.1:%u", ntohs(where.sin_port));
    return fd;
}

void dial_scene_dig(struct dial_scene_hole *hole)
{
    struct sockaddr_in where;
    socklen_t length = sizeof(where);
    hole->fds[0] = dial_scene_socket(true, hole->address);
    cr_assert_eq(listen(hole->fds[0], 0), 0);
    cr_assert_eq(getsockname(hole->fds[0], (struct sockaddr *)&where, &length), 0);
    for (size_t i = 1; i < 4; i++) {
        hole->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(hole->fds[i], (struct sockaddr *)&where, length);
    }
}

void dial_scene_fill(struct dial_scene_hole *hole)
{
    for (size_t i = 0; i < 4; i++)
        close(hole->fds[i]);
}

void dial_scene_begin(struct dial_scene *scene, const char *const *texts, size_t count)
{
    *scene = (struct dial_scene){0};
    for (size_t i = 0; i < count; i++)
        cr_assert_null(config_address_parse(texts[i], &scene->addresses[i]), "%s", texts[i]);
    scene->dial = (struct dial){.addresses = scene->addresses,
                                .count = count,
                                .deadline_us = clock_deadline_ms(DIAL_SCENE_LONG_MS),
                                .limit_name = "connect_timeout",
                                .lookup_flags = AI_ADDRCONFIG,
                                .wait = {.cancel_fd = -1},
                                .observer = {.failed = note, .arg = &scene->failures}};
}

void dial_scene_end(struct dial_scene *scene)
{
    for (size_t i = 0; i < scene->dial.count; i++)
        config_address_free(&scene->addresses[i]);
}

void dial_scene_begin_from(struct dial_scene *scene, const char *const *texts, size_t count,
                           const char *from)
{
    dial_scene_begin(scene, texts, count);
    cr_assert_null(config_address_parse(from, &scene->addresses[3]), "%s", from);
    scene->dial.from = &scene->addresses[3];
}

void dial_scene_end_from(struct dial_scene *scene)
{
    config_address_free(&scene->addresses[3]);
    dial_scene_end(scene);
}

void dial_scene_address(int fd, char *text)
{
    struct sockaddr_in where = {0};
    socklen_t length = sizeof(where);
    char host[INET_ADDRSTRLEN];
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&where, &length), 0);
    cr_assert_not_null(inet_ntop(AF_INET, &where.sin_addr, host, sizeof(host)));
    (void)snprintf(text, 64, "%s:%u", host, ntohs(where.sin_port));
}

void dial_scene_free_port(char *address)
{
    unsigned own = (unsigned)getpid();
    uint32_t host = (127U << 24) | (1U << 23) | (own & 0x3FFFFFU);
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(host)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&where, sizeof(where)), 0);
    dial_scene_address(fd, address);
    close(fd);
}
