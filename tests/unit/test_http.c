/* http, step by step: it parks between requests and within a head, and ends in time. What it
 * answers is in tests/e2e/test_http.py. */
#include "server/daemon/handlers/handler.h"

#include "tests/support/conn_suite.h"
#include "tests/support/steps.h"

#include <criterion/criterion.h>
#include <string.h>

static struct conn_suite suite;

static void begin(void)
{
    conn_suite_begin(&suite);
}

static void end(void)
{
    conn_suite_end(&suite);
}

TestSuite(http, .init = begin, .fini = end, .timeout = 60);

#define MISSING "GET /no/such/file HTTP/1.1\r\nHost: a\r\n\r\n"

enum { WAYS = 8, LONG_MS = 20000, SHORT_MS = 200 };

/* What the peer sends, in pieces, and how the answers to it begin. */
struct talk {
    const char *pieces[4];
    int64_t pause_ms; /* before each piece but the first */
    const char *answers[4];
};

static bool read_answer(struct socket_peer *peer, const char *start)
{
    char text[2048] = "";
    size_t length = 0;
    while (!strstr(text, "no such file.") && !strstr(text, "in time.")) {
        int got = socket_peer_read(peer, text + length, sizeof(text) - 1 - length);
        if (got <= 0)
            return socket_peer_fail(peer, "%d after: %s", got, text);
        length += (size_t)got;
        text[length] = '\0';
    }
    return strncmp(text, start, strlen(start)) == 0 || socket_peer_fail(peer, "%s", text);
}

/* Talks, then waits for the server's orderly end. */
static void play(struct socket_peer *peer, void *arg)
{
    const struct talk *talk = arg;
    bool good = socket_peer_handshake(peer);
    for (size_t i = 0; i < 4 && good && talk->pieces[i]; i++) {
        if (i > 0)
            pause_ms(talk->pause_ms);
        good = socket_peer_write(peer, talk->pieces[i], strlen(talk->pieces[i])) &&
               (!talk->answers[i] || read_answer(peer, talk->answers[i]));
    }
    if (good && socket_peer_read(peer, &(char){0}, 1) == 0)
        (void)socket_peer_end_in_order(peer);
    else if (good)
        (void)socket_peer_fail(peer, "no close_notify");
}

static struct config_handler files = {.kind = CONFIG_HANDLER_HTTP,
                                      .http = {.root = (char *)"/", .index = (char *)""}};

struct setting {
    int64_t idle_ms;
    bool stopping;
};

static void serve(struct conn_rig *rig, const struct setting *setting, int which)
{
    struct error_text error;
    struct handler_job job = steps_job(rig->conn);
    job.what = &files;
    job.idle_timeout_ms = setting->idle_ms;
    job.stopping = setting->stopping;
    cr_assert(http_handler.load(&files, (void **)&job.loaded, &error), "%s", error.text);
    cr_assert_eq(actpass_handshake(rig->conn), 0, "way %d: %s", which, conn_rig_says(rig));
    (void)steps_run(&http_handler, &job, which & 1 ? STEPS_EDGE : STEPS_LEVEL);
    cr_assert_null(job.state);
    http_handler.unload((void *)job.loaded);
}

/* Each way must end in order. As TLS server; both versions, transports, and ways to wait. */
static void for_all(struct talk *talk, struct setting setting)
{
    for (int which = 0; which < WAYS; which++) {
        struct conn_rig rig;
        struct conn_rig_options options = conn_way(which | 1);
        options.idle_ms = setting.idle_ms;
        conn_rig_init(&rig, &suite.world, &options, play, talk);
        serve(&rig, &setting, which);
        cr_assert_eq(actpass_close(rig.conn), ACTPASS_CLEAN, "way %d: %s", which,
                     conn_rig_says(&rig));
        conn_must_be_good(true, &rig, which);
        conn_rig_free(&rig);
    }
}

/* With a pause that is longer than a second: the buffers are gone meanwhile. */
Test(http, answers_heads_whole_and_in_parts)
{
    struct talk talk = {
        .pieces = {MISSING, "GET /no/such", "/file HTTP/1.1\r\nHost: a\r\n",
                   "Connection: close\r\n\r\n"},
        .pause_ms = 1100,
        .answers = {"HTTP/1.1 404 ", NULL, NULL, "HTTP/1.1 404 "},
    };
    for_all(&talk, (struct setting){.idle_ms = LONG_MS});
}

/* The connection has the same idle timeout, and would not end in order. */
Test(http, without_a_request_it_ends_in_order)
{
    struct talk silence = {.pieces = {NULL}};
    struct talk once = {.pieces = {MISSING}, .answers = {"HTTP/1.1 404 "}};
    for_all(&silence, (struct setting){.idle_ms = SHORT_MS});
    for_all(&once, (struct setting){.idle_ms = SHORT_MS});
}

Test(http, a_head_that_does_not_end_is_answered_in_time)
{
    struct talk talk = {.pieces = {"GET / HTTP/1.1\r\n"}, .answers = {"HTTP/1.1 408 "}};
    for_all(&talk, (struct setting){.idle_ms = SHORT_MS});
}

Test(http, a_stop_ends_the_wait_for_a_request)
{
    struct talk silence = {.pieces = {NULL}};
    for_all(&silence, (struct setting){.idle_ms = LONG_MS, .stopping = true});
}
