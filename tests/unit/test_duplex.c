/* Duplex: what it keeps between two steps; and a program at the other end, where that this is
 * closed does not say how it has ended. */
#include "server/daemon/handlers/duplex.h"

#include "tests/support/conn_suite.h"
#include "tests/support/pattern.h"
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
    struct duplex_program *of_plain; /* &program, or NULL */
    bool in_order;
    actpass_end end;
};

static struct scene *playing; /* of the one test that runs in this process */

static enum handler_next step(struct handler_job *job)
{
    const struct duplex_early early = {.program = playing->of_plain};
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

/* The peer echoes. Returns the thread that serves the connection. */
static pthread_t begin(struct scene *scene, struct conn_world *world)
{
    pthread_t thread;
    int ends[2];
    playing = scene;
    conn_world_init(world);
    struct conn_rig_options options =
        conn_defaults(ACTPASS_ROLE_CLIENT, 1, ACTPASS_TRANSPORT_RELAY);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    scene->plain = ends[0];
    scene->local = ends[1];
    cr_assert_eq(fcntl(scene->plain, F_SETFL, O_NONBLOCK), 0);
    conn_rig_init(&scene->rig, world, &options, peer_echoes, NULL);
    cr_assert_eq(pthread_create(&thread, NULL, serve, scene), 0);
    return thread;
}

/* The program writes, and closes; its status, which is EXIT, is known only a while later. */
static void play(enum duplex_exit exit, actpass_end end, bool in_order)
{
    struct conn_world world;
    struct scene scene = {.of_plain = &scene.program};
    pthread_t thread = begin(&scene, &world);
    cr_assert_eq(send(scene.local, "half", 4, MSG_NOSIGNAL), 4);
    close(scene.local);
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

/* Less than a small buffer, and more than the socket takes, in whose queue it is a part that begins
 * in the middle of the buffer. */
Test(duplex, what_the_plain_side_does_not_take_is_kept, .timeout = 60)
{
    enum { SIZE = 7500, PIECE = 700, QUEUE = 2304, SEED = 5 };
    struct conn_world world;
    struct scene scene = {.of_plain = NULL};
    uint8_t data[SIZE];
    pthread_t thread = begin(&scene, &world);
    int queue = QUEUE;
    cr_assert_eq(setsockopt(scene.plain, SOL_SOCKET, SO_SNDBUF, &queue, sizeof(queue)), 0);
    pattern_fill(data, SIZE, 0, SEED);
    cr_assert_eq(send(scene.local, data, SIZE, MSG_NOSIGNAL), SIZE);
    pause_ms(300); /* the queue is full by now; a slow machine makes the test pass all the same */
    for (size_t got = 0; got < SIZE;) {
        ssize_t count = recv(scene.local, data, PIECE, 0);
        cr_assert_gt(count, 0);
        cr_assert(pattern_matches(data, (size_t)count, got, SEED), "after %zu bytes", got);
        got += (size_t)count;
        pause_ms(5);
    }
    cr_assert_eq(shutdown(scene.local, SHUT_WR), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_eq(scene.end, ACTPASS_CLEAN);
    close(scene.local);
    conn_rig_free(&scene.rig);
    conn_world_free(&world);
}
