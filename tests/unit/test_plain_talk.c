/* What comes on the plain side while its greeting is read: the duplex behind it must hear of that,
 * though each event comes once. The daemon's set of descriptors often reports it again, since the
 * duplex waits for more kinds of events, so here nothing is reported twice. */
#include "server/daemon/handlers/plain_talk.h"

#include "server/daemon/starttls/table.h"
#include "tests/support/conn_suite.h"
#include "tests/support/steps.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LONG_MS = 20000 };

struct scene {
    struct conn_world world;
    struct conn_rig rig;
    struct handler_job job;
    int plain, program;
};

static void set_up(struct scene *scene, const struct starttls_protocol *talk)
{
    int ends[2];
    conn_world_init(&scene->world);
    struct conn_rig_options options =
        conn_defaults(ACTPASS_ROLE_SERVER, 1, ACTPASS_TRANSPORT_DIRECT);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    scene->plain = ends[0];
    scene->program = ends[1];
    cr_assert_eq(fcntl(scene->plain, F_SETFL, O_NONBLOCK), 0);
    conn_rig_init(&scene->rig, &scene->world, &options, peer_echoes, NULL);
    cr_assert_eq(actpass_handshake(scene->rig.conn), 0);
    cr_assert_eq(actpass_set_nonblocking(scene->rig.conn, 1), 0);
    scene->job = steps_job(scene->rig.conn);
    scene->job.idle_timeout_ms = LONG_MS;
    scene->job.start_timeout_ms = LONG_MS;
    scene->job.plain_talk = talk;
}

static void tear_down(struct scene *scene)
{
    (void)actpass_set_nonblocking(scene->rig.conn, 0);
    cr_assert_eq(actpass_close(scene->rig.conn), ACTPASS_CLEAN);
    close(scene->plain);
    close(scene->program);
    conn_rig_free(&scene->rig);
    conn_world_free(&scene->world);
}

/* For the TLS side alone: the plain side reports nothing any more. */
static void wait_for_peer(struct handler_job *job)
{
    struct pollfd peer;
    int timeout = actpass_prepare_wait(job->conn, &peer);
    peer.revents = 0;
    if (timeout != 0)
        (void)poll(&peer, 1, timeout > 0 && timeout < 100 ? timeout : 100);
    actpass_note_events(job->conn, peer.revents);
    job->own.revents = 0;
}

/* True: both directions have ended in order before the idle timeout. */
static bool run_duplex(struct handler_job *job)
{
    bool in_order = false;
    while (duplex_step(job, &in_order) != HANDLER_DONE)
        wait_for_peer(job);
    return in_order;
}

static void program_says(struct scene *scene, const char *text, bool ends)
{
    cr_assert_eq(send(scene->program, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
    if (ends)
        cr_assert_eq(shutdown(scene->program, SHUT_WR), 0);
    scene->job.own.revents = (short)(POLLIN | (ends ? POLLRDHUP : 0));
}

static void join_and_check(struct scene *scene)
{
    static const struct duplex_early none = {.in_size = 0};
    char echoed[16];
    cr_assert(plain_talk_join(&scene->job, scene->plain, "the program ", "p", &none));
    cr_assert(run_duplex(&scene->job));
    cr_assert_eq(recv(scene->program, echoed, sizeof(echoed), MSG_DONTWAIT), 4);
    cr_assert_arr_eq(echoed, "more", 4);
    tear_down(scene);
}

Test(plain_talk, what_comes_with_the_greeting_arrives, .timeout = 60)
{
    struct scene scene;
    set_up(&scene, starttls_plain_talk(CONFIG_STARTTLS_SMTP, CONFIG_ROLE_SERVER));
    cr_assert(plain_talk_begin(&scene.job, scene.plain, "the program ", "p", "", 0));
    cr_assert_eq(plain_talk_step(&scene.job), PLAIN_TALK_WAITS);
    program_says(&scene, "220 hello\r\nmore", true);
    cr_assert_eq(plain_talk_step(&scene.job), PLAIN_TALK_DONE);
    join_and_check(&scene);
}

/* The step that ends the talk is another one than that which was told of it. */
Test(plain_talk, an_event_of_an_earlier_step_counts, .timeout = 60)
{
    struct scene scene;
    set_up(&scene, starttls_plain_talk(CONFIG_STARTTLS_SMTP, CONFIG_ROLE_SERVER));
    cr_assert(plain_talk_begin(&scene.job, scene.plain, "the program ", "p", "", 0));
    program_says(&scene, "220-hel", false);
    cr_assert_eq(plain_talk_step(&scene.job), PLAIN_TALK_WAITS);
    scene.job.own.revents = POLLRDHUP; /* reported before the bytes are looked at */
    cr_assert_eq(plain_talk_step(&scene.job), PLAIN_TALK_WAITS);
    program_says(&scene, "lo\r\n220 hello\r\nmore", true);
    scene.job.own.revents = 0;
    cr_assert_eq(plain_talk_step(&scene.job), PLAIN_TALK_DONE);
    join_and_check(&scene);
}
