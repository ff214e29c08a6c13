#include "server/daemon/preface/preface.h"

#include "config/internal.h"
#include "relay/clock.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static const char line[] = "PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n";

/* A service that wants a header of all, and one of its connections, over a unix socket. */
struct scene {
    struct config_service config;
    struct sockaddr_storage from;
    int peer;
    struct preface *preface;
};

static void begin(struct scene *scene)
{
    int ends[2];
    config_service_init(&scene->config);
    scene->config.has_accept_proxy = true;
    scene->config.accept_proxy.timeout_ms = 60000;
    scene->from = (struct sockaddr_storage){.ss_family = AF_UNIX};
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    scene->peer = ends[1];
    scene->preface = preface_new(&scene->config, ends[0], -1, &scene->from);
    cr_assert(scene->preface);
}

static void end(struct scene *scene)
{
    preface_free(scene->preface);
    close(scene->peer);
}

static void say(const struct scene *scene, const char *text)
{
    cr_assert_eq(send(scene->peer, text, strlen(text), 0), (ssize_t)strlen(text));
}

static bool fails(struct scene *scene, actpass_end wanted, const char *why)
{
    return preface_run(scene->preface) == PREFACE_FAILED && scene->preface->end == wanted &&
           strstr(scene->preface->why.text, why);
}

Test(preface, who_has_one)
{
    struct config_service config;
    struct sockaddr_storage from = {.ss_family = AF_UNIX};
    config_service_init(&config);
    cr_assert(!preface_is_wanted(&config, &from) && !preface_is_wanted(&config, NULL));
    config.has_accept_proxy = true;
    cr_assert(preface_is_wanted(&config, &from));
    cr_assert(!preface_is_wanted(&config, NULL)); /* we have dialed */
    from.ss_family = AF_INET;                     /* of no network that is trusted */
    cr_assert(!preface_is_wanted(&config, &from));
}

Test(preface, takes_its_own_bytes_and_no_other)
{
    struct scene scene;
    char rest[64];
    begin(&scene);
    cr_assert_eq(preface_run(scene.preface), PREFACE_WAITS);
    cr_assert_eq(scene.preface->events, POLLIN);
    for (size_t i = 0; i < strlen(line) - 1; i++) {
        say(&scene, (const char[]){line[i], '\0'});
        cr_assert_eq(preface_run(scene.preface), PREFACE_WAITS);
        cr_assert(!preface_has_more(scene.preface)); /* else a wait for input never ends */
    }
    say(&scene, "\nhello");
    cr_assert_eq(preface_run(scene.preface), PREFACE_DONE);
    cr_assert(preface_has_more(scene.preface));
    const struct preface_addresses *found = &scene.preface->addresses;
    cr_assert(found->proxied && found->client.ss_family == AF_INET);
    int fd = preface_take_fd(scene.preface);
    cr_assert_eq(recv(fd, rest, sizeof(rest), 0), 5);
    cr_assert_eq(memcmp(rest, "hello", 5), 0);
    end(&scene);
    close(fd); /* nobody else has closed it */
}

Test(preface, its_deadline)
{
    struct scene scene;
    begin(&scene);
    cr_assert_eq(preface_run(scene.preface), PREFACE_WAITS);
    cr_assert_gt(scene.preface->deadline_us, clock_now_us());
    scene.preface->deadline_us = clock_now_us();
    cr_assert(fails(&scene, ACTPASS_TIMEOUT, "nothing in time"));
    end(&scene);
    begin(&scene);
    say(&scene, "PROXY ");
    cr_assert_eq(preface_run(scene.preface), PREFACE_WAITS);
    scene.preface->deadline_us = clock_now_us();
    cr_assert(fails(&scene, ACTPASS_TIMEOUT, "not complete in time"));
    end(&scene);
}

/* Who has sent nothing is TLS's to report: it was only looked whether we are there. */
Test(preface, a_peer_that_leaves)
{
    struct scene scene;
    begin(&scene);
    shutdown(scene.peer, SHUT_WR);
    cr_assert_eq(preface_run(scene.preface), PREFACE_DONE);
    cr_assert(!scene.preface->addresses.proxied);
    end(&scene);
    begin(&scene);
    say(&scene, "PROXY ");
    cr_assert_eq(preface_run(scene.preface), PREFACE_WAITS);
    shutdown(scene.peer, SHUT_WR);
    cr_assert(fails(&scene, ACTPASS_TRUNCATED, "closed before the end"));
    end(&scene);
}

Test(preface, what_was_sent_reaches_a_peer_that_has_failed)
{
    struct scene scene;
    char answer[8];
    begin(&scene);
    cr_assert_eq(preface_run(scene.preface), PREFACE_WAITS);
    cr_assert_eq(preface_send(scene.preface, "no\r\n", 4), 4);
    scene.preface->in_order = true;
    say(&scene, "GET / HTTP/1.0\r\n\r\n");
    cr_assert_eq(preface_run(scene.preface), PREFACE_WAITS); /* for the peer's end */
    cr_assert_eq(recv(scene.peer, answer, sizeof(answer), 0), 4);
    cr_assert_eq(recv(scene.peer, answer, sizeof(answer), 0), 0);
    shutdown(scene.peer, SHUT_WR);
    cr_assert(fails(&scene, ACTPASS_PROTOCOL, "wrong"));
    end(&scene);
}

Test(preface, is_cancelled)
{
    struct scene scene;
    begin(&scene);
    say(&scene, "PROXY ");
    cr_assert_eq(preface_run(scene.preface), PREFACE_WAITS);
    preface_cancel(scene.preface, "the end");
    say(&scene, line);
    cr_assert(fails(&scene, ACTPASS_CANCELLED, "the end"));
    end(&scene);
    preface_free(NULL);
}
