/* What is said to a proxy on a socket: over a socket pair, of which the test is the proxy. */
#include "server/lib/dial/through.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(through, .timeout = 20);

struct scene {
    struct config_proxy proxy;
    struct config_address to;
    struct through through;
    struct through_talk talk;
    struct error_text why;
    int ours, proxys;
};

static void begin(struct scene *scene, const char *url)
{
    int ends[2];
    *scene = (struct scene){.why = {.text = ""}};
    cr_assert_null(config_proxy_parse(url, &scene->proxy));
    cr_assert_null(config_address_parse("a.example:1", &scene->to));
    scene->through = (struct through){.proxy = &scene->proxy};
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    scene->ours = ends[0];
    scene->proxys = ends[1];
    through_begin(&scene->talk, &scene->through, &scene->to, scene->ours);
}

static void end(struct scene *scene)
{
    static const unsigned char none[PROXY_REQUEST_MAX];
    through_end(&scene->talk);
    cr_assert_arr_eq(scene->talk.request.bytes, none, sizeof(none));
    close(scene->ours);
    close(scene->proxys);
    config_proxy_free(&scene->proxy);
    config_address_free(&scene->to);
}

static enum through_result step(struct scene *scene)
{
    return through_step(&scene->talk, &scene->why);
}

static void say(const struct scene *scene, const char *bytes, size_t size)
{
    cr_assert_eq(send(scene->proxys, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

/* What one end can read now is this. */
static void assert_reads(int fd, const char *bytes, size_t size)
{
    char got[2048];
    cr_assert_eq(recv(fd, got, sizeof(got), 0), (ssize_t)size);
    cr_assert_arr_eq(got, bytes, size);
}

Test(through, what_follows_the_answer_stays_in_the_socket)
{
    static const char request[] = "CONNECT a.example:1 HTTP/1.1\r\nHost: a.example:1\r\n\r\n";
    static const char answer[] = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n\026\003\001 hello";
    size_t head = sizeof(answer) - 1 - 9;
    for (size_t cut = 0; cut < sizeof(answer) - 1; cut++) {
        struct scene scene;
        begin(&scene, "http://p.example:1");
        cr_assert_eq(through_events(&scene.talk), POLLOUT);
        cr_assert_eq(step(&scene), THROUGH_WAITS);
        cr_assert_eq(through_events(&scene.talk), POLLIN);
        assert_reads(scene.proxys, request, sizeof(request) - 1);
        if (cut > 0)
            say(&scene, answer, cut);
        cr_assert_eq(step(&scene), cut < head ? THROUGH_WAITS : THROUGH_UP);
        say(&scene, answer + cut, sizeof(answer) - 1 - cut);
        cr_assert(cut >= head || step(&scene) == THROUGH_UP);
        assert_reads(scene.ours, "\026\003\001 hello", 9);
        end(&scene);
    }
}

/* Longer than what is looked at at once. */
Test(through, a_long_answer)
{
    struct scene scene;
    char value[3000];
    memset(value, 'a', sizeof(value));
    begin(&scene, "http://p.example:1");
    say(&scene, "HTTP/1.1 200 OK\r\nA: ", 20);
    say(&scene, value, sizeof(value));
    cr_assert_eq(step(&scene), THROUGH_WAITS);
    say(&scene, value, sizeof(value));
    say(&scene, "\r\n\r\nx", 5);
    cr_assert_eq(step(&scene), THROUGH_UP);
    assert_reads(scene.ours, "x", 1);
    end(&scene);
}

Test(through, answers_in_steps)
{
    struct scene scene;
    begin(&scene, "socks5://p.example:1");
    cr_assert_eq(step(&scene), THROUGH_WAITS);
    assert_reads(scene.proxys, "\005\001\000", 3);
    say(&scene, "\005", 1);
    cr_assert_eq(step(&scene), THROUGH_WAITS);
    say(&scene, "\000", 1);
    cr_assert_eq(step(&scene), THROUGH_WAITS);
    assert_reads(scene.proxys, "\005\001\000\003\011a.example\000\001", 16);
    say(&scene, "\005\000\000\001\001\002\003\004\005\006target", 16);
    cr_assert_eq(step(&scene), THROUGH_UP);
    assert_reads(scene.ours, "target", 6);
    end(&scene);
}

Test(through, a_refusal_names_the_proxy)
{
    struct scene scene;
    begin(&scene, "http://p.example:1");
    say(&scene, "HTTP/1.1 503 Busy\001\r\n\r\n", 22);
    cr_assert_eq(step(&scene), THROUGH_FAILED);
    cr_assert_str_eq(scene.why.text, "the proxy p.example:1 answers something that is not HTTP: is "
                                     "it a proxy of another kind?");
    end(&scene);
    begin(&scene, "http://p.example:1");
    say(&scene, "HTTP/1.1 503 Busy\r\n\r\n", 21);
    cr_assert_eq(step(&scene), THROUGH_FAILED);
    cr_assert_str_eq(scene.why.text, "the proxy p.example:1 refused: 503 Busy");
    end(&scene);
}

Test(through, an_end_instead_of_an_answer)
{
    struct scene scene;
    begin(&scene, "socks5://p.example:1");
    say(&scene, "\005", 1);
    cr_assert_eq(shutdown(scene.proxys, SHUT_WR), 0);
    cr_assert_eq(step(&scene), THROUGH_FAILED);
    cr_assert_str_eq(scene.why.text,
                     "the proxy p.example:1 closed the connection before it had answered");
    end(&scene);
}

/* A full socket takes the request in parts. */
Test(through, a_request_that_does_not_fit)
{
    struct scene scene;
    char filled[65536] = "";
    begin(&scene, "http://p.example:1");
    while (send(scene.ours, filled, sizeof(filled), MSG_NOSIGNAL) > 0)
        ;
    while (send(scene.ours, filled, 1, MSG_NOSIGNAL) > 0)
        ;
    cr_assert_eq(step(&scene), THROUGH_WAITS);
    cr_assert_eq(through_events(&scene.talk), POLLOUT);
    while (recv(scene.proxys, filled, sizeof(filled), 0) > 0)
        ;
    cr_assert_eq(step(&scene), THROUGH_WAITS);
    cr_assert_eq(through_events(&scene.talk), POLLIN);
    end(&scene);
}
