/* Duplex with a program at the other end: that this is closed does not say how it has ended. */
#include "server/daemon/handlers/duplex.h"

#include "tests/support/conn_suite.h"
#include "tests/support/steps.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A TLS peer on one side, a program's end of a socketpair on the other. */
struct scene {
    struct conn_rig rig;
    int plain, local;
    struct duplex_program program;
    bool in_order;
    actpass_end end;
};

static struct scene *playing; /* of the one test that runs in this process */

static enum handler_next step(struct handler_job *job)
{
    const struct duplex_early early = {.program = &playing->program};
    if (!job->state && !duplex_begin_with(job, playing->plain, "the program ", "p", &early))
        return HANDLER_DONE;
    return duplex_step(job, &playing->in_order);
}

static const struct handler handler = {.name = "test", .step = step};

static void *serve(void *arg)
{
    struct scene *scene = arg;
    struct handler_job job = steps_job(scene->rig.conn);
    job.idle_timeout_ms = 20000;
    if (actpass_handshake(scene->rig.conn) == 0)
        (void)steps_run(&handler, &job, STEPS_EDGE);
    scene->end = actpass_close(scene->rig.conn);
    close(scene->plain);
    return NULL;
}

/* The program writes, and closes; its status, which is EXIT, is known only a while later. */
static void play(enum duplex_exit exit, actpass_end end, bool in_order)
{
    struct conn_world world;
    struct scene scene = {.plain = -1};
    pthread_t thread;
    int ends[2];
    playing = &scene;
    conn_world_init(&world);
    struct conn_rig_options options =
        conn_defaults(ACTPASS_ROLE_CLIENT, 1, ACTPASS_TRANSPORT_RELAY);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    scene.plain = ends[0];
    cr_assert_eq(fcntl(scene.plain, F_SETFL, O_NONBLOCK), 0);
    conn_rig_init(&scene.rig, &world, &options, peer_echoes, NULL);
    cr_assert_eq(pthread_create(&thread, NULL, serve, &scene), 0);
    cr_assert_eq(send(ends[1], "half", 4, MSG_NOSIGNAL), 4);
    close(ends[1]);
    pause_ms(300); /* it has seen the end by now; a slow machine makes the test pass all the same */
    (void)error_set(&scene.program.why, "it was ended");
    atomic_store(&scene.program.exit, exit);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_eq(scene.in_order, in_order);
    cr_assert_eq(scene.end, end);
    if (exit == DUPLEX_EXIT_CUT)
        cr_assert_str_eq(actpass_error(scene.rig.conn), "it was ended");
    conn_rig_free(&scene.rig);
    conn_world_free(&world);
}

Test(duplex, a_program_that_exits_ends_in_order, .timeout = 60)
{
    play(DUPLEX_EXIT_IN_ORDER, ACTPASS_CLEAN, true);
}

Test(duplex, a_program_that_dies_by_a_signal_does_not, .timeout = 60)
{
    play(DUPLEX_EXIT_CUT, ACTPASS_CANCELLED, false);
}
