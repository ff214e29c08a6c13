/* Connections with everything at random: transport, driver, role, rings, system calls, KeyUpdates,
 * and how and when it ends, mostly with a reader and a writer thread at once, four connections at a
 * time. What counts is that each ends, as it must, and long before any of its timeouts.
 * ACTPASS_SOAK=SECONDS storms for so long; ACTPASS_SEED=N begins there. */
#include "relay/clock.h"
#include "tests/support/conn_rig.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    TIMEOUT_MS = 60000, /* of all kinds */
    HANGS_MS = 30000,   /* whoever takes so long has missed a wake-up */
    AT_ONCE = 4,
    STORM_MS = 1500
};

enum ending { IN_ORDER, WE_HALF_CLOSE, PEER_HALF_CLOSES, ABORTED, CUT, ENDINGS };

struct storm {
    const struct conn_world *world;
    int64_t until_us;
    atomic_uint next_seed;
    atomic_uint rounds;
    atomic_bool failed;
    pthread_mutex_t lock;
    char failure[2048]; /* the first one */
};

/* One connection. */
struct round {
    struct conn_rig rig;
    struct conn_rig_options options;
    enum ending ending;
    struct socket_peer_plan ours, theirs;
    size_t piece;     /* of a write */
    int64_t abort_ms; /* with ABORTED */
    bool one_thread;  /* reads and writes; otherwise two */
    bool wrote;
};

/* ---- Dice ------------------------------------------------------------------------------------ */

static uint64_t dice(uint64_t *state, uint64_t sides)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return (*state >> 33) % sides;
}

static size_t one_of(uint64_t *state, const size_t *values, size_t count)
{
    return values[dice(state, count)];
}

static void roll_transport(struct conn_rig_options *options, uint64_t *state)
{
    static const size_t rings[] = {0, 0, 1, 17, 100, 5000, 20000, 40000};
    static const size_t caps[] = {0, 0, 0, 1, 7, 1000, 20000};
    bool server = dice(state, 2);
    *options = conn_defaults(conn_roles[server], (int)dice(state, 2),
                             dice(state, 3) ? ACTPASS_TRANSPORT_RELAY : ACTPASS_TRANSPORT_DIRECT);
    options->driver = (enum relay_driver)dice(state, 4);
    options->ring = one_of(state, rings, sizeof(rings) / sizeof(*rings));
    options->io_cap = one_of(state, caps, sizeof(caps) / sizeof(*caps));
    options->peer.send_cap = one_of(state, caps, sizeof(caps) / sizeof(*caps));
    options->peer.receive_cap = one_of(state, caps, sizeof(caps) / sizeof(*caps));
    options->unix_sockets = dice(state, 2);
    options->handshake_ms = options->idle_ms = options->write_ms = options->close_ms = TIMEOUT_MS;
    options->initial_data_ms = server ? TIMEOUT_MS : 1;
    if (dice(state, 2))
        options->role = ACTPASS_ROLE_AUTO;
}

/* Small pieces take long: then there are fewer bytes. */
static uint64_t roll_amount(const struct conn_rig_options *options, uint64_t *state)
{
    const size_t limits[] = {options->ring, options->io_cap, options->peer.send_cap,
                             options->peer.receive_cap};
    uint64_t max_us = 1 << 20;
    for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
        if (limits[i] && limits[i] * 1000 < max_us)
            max_us = limits[i] * 1000;
    return dice(state, 4) ? dice(state, max_us) : 0;
}

static void roll(struct round *round, uint64_t *state)
{
    roll_transport(&round->options, state);
    uint64_t send = roll_amount(&round->options, state);
    uint64_t receive = roll_amount(&round->options, state);
    round->ending = (enum ending)dice(state, ENDINGS);
    round->ours = (struct socket_peer_plan){
        .send = send, .receive = receive, .send_seed = 1, .receive_seed = 2};
    round->theirs = (struct socket_peer_plan){
        .send = receive, .receive = send, .send_seed = 2, .receive_seed = 1};
    round->theirs.write_first = dice(state, 4) == 0;
    if (round->options.version == 1 && dice(state, 2))
        round->theirs.key_update_every = 1 + receive / (1 + dice(state, 100));
    round->piece = (size_t)(1 + dice(state, 60000));
    round->abort_ms = (int64_t)dice(state, 30);
    round->one_thread = dice(state, 4) == 0;
    if (round->ending == CUT) {
        round->options.peer.cuts = true;
        round->options.peer.cut_after = dice(state, receive + 3000);
        round->options.peer.cut_by_reset = dice(state, 2);
    }
}

/* ---- The peer -------------------------------------------------------------------------------- */

static bool send_all(struct socket_peer *peer, const struct socket_peer_plan *theirs)
{
    struct socket_peer_plan only = *theirs;
    only.receive = 0;
    return socket_peer_exchange(peer, &only);
}

static bool receive_all(struct socket_peer *peer, const struct socket_peer_plan *theirs)
{
    struct socket_peer_plan only = *theirs;
    only.send = 0;
    return socket_peer_exchange(peer, &only);
}

static void be_peer(struct socket_peer *peer, void *arg)
{
    const struct round *round = arg;
    bool good = socket_peer_handshake(peer);
    if (good && round->ending == PEER_HALF_CLOSES) {
        good = send_all(peer, &round->theirs) && socket_peer_close_notify(peer);
        if (good)
            socket_peer_fin(peer);
        good = good && receive_all(peer, &round->theirs) && socket_peer_read_to_end(peer);
    } else if (good) {
        good = socket_peer_exchange(peer, &round->theirs) && socket_peer_end_in_order(peer);
    }
    if (!good && peer->fd >= 0)
        socket_peer_reset(peer);
}

/* ---- Us -------------------------------------------------------------------------------------- */

static void *write_in_thread(void *arg)
{
    struct round *round = arg;
    round->wrote =
        conn_rig_write(&round->rig, round->ours.send, round->ours.send_seed, round->piece);
    if (round->wrote && round->ending == WE_HALF_CLOSE)
        round->wrote = actpass_shutdown_write(round->rig.conn) == 0;
    if (!round->wrote)
        actpass_abort(round->rig.conn);
    return NULL;
}

static void *abort_in_thread(void *arg)
{
    struct round *round = arg;
    pause_ms(round->abort_ms);
    actpass_abort(round->rig.conn);
    return NULL;
}

/* True: all went as planned, up to the end. */
static bool converse(struct round *round)
{
    pthread_t writer;
    char scratch[100];
    if (actpass_handshake(round->rig.conn))
        return false;
    if (round->one_thread)
        return conn_rig_exchange_at_once(&round->rig, &round->ours) &&
               (round->ending != WE_HALF_CLOSE || !actpass_shutdown_write(round->rig.conn)) &&
               actpass_read(round->rig.conn, scratch, sizeof(scratch)) == 0;
    if (pthread_create(&writer, NULL, write_in_thread, round))
        abort();
    bool good = conn_rig_read(&round->rig, round->ours.receive, round->ours.receive_seed) &&
                actpass_read(round->rig.conn, scratch, sizeof(scratch)) == 0;
    if (!good)
        actpass_abort(round->rig.conn);
    if (pthread_join(writer, NULL))
        abort();
    return good && round->wrote;
}

static bool ended_well(struct round *round, bool good)
{
    actpass_end end = actpass_close(round->rig.conn);
    if (round->ending == ABORTED || round->ending == CUT)
        return end != ACTPASS_OPEN && end != ACTPASS_TIMEOUT;
    return good && end == ACTPASS_CLEAN;
}

static void print_round(struct storm *storm, const struct round *round, const char *text)
{
    const struct conn_rig_options *options = &round->options;
    pthread_mutex_lock(&storm->lock);
    if (!storm->failure[0])
        snprintf(storm->failure, sizeof(storm->failure),
                 "role %d, peer %s, transport %d, driver %d, TLS 1.%d, ring %zu, caps %zu %zu %zu, "
                 "unix %d, ending %d, send %llu, receive %llu, first %d, update %llu, piece %zu, "
                 "one thread %d: %s",
                 options->role, options->peer.server ? "server" : "client", options->transport,
                 options->driver, options->version + 2, options->ring, options->io_cap,
                 options->peer.send_cap, options->peer.receive_cap, options->unix_sockets,
                 round->ending, (unsigned long long)round->ours.send,
                 (unsigned long long)round->ours.receive, round->theirs.write_first,
                 (unsigned long long)round->theirs.key_update_every, round->piece,
                 round->one_thread, text);
    pthread_mutex_unlock(&storm->lock);
    atomic_store(&storm->failed, true);
}

static void play(struct storm *storm, uint64_t seed)
{
    struct round round = {0};
    pthread_t killer;
    uint64_t state = seed * 0x9e3779b97f4a7c15U;
    char text[1200];
    roll(&round, &state);
    conn_rig_init(&round.rig, storm->world, &round.options, be_peer, &round);
    int64_t before_us = clock_now_us();
    const bool aborts = round.ending == ABORTED;
    if (aborts && pthread_create(&killer, NULL, abort_in_thread, &round))
        abort();
    bool good = converse(&round);
    if (aborts && pthread_join(killer, NULL))
        abort();
    good = ended_well(&round, good);
    int64_t ms = (clock_now_us() - before_us) / 1000;
    if (!good || ms >= HANGS_MS) {
        snprintf(text, sizeof(text), "seed %llu, %lld ms: %s", (unsigned long long)seed,
                 (long long)ms, conn_rig_says(&round.rig));
        print_round(storm, &round, text);
    }
    conn_rig_free(&round.rig);
    atomic_fetch_add(&storm->rounds, 1);
}

static void *play_on(void *arg)
{
    struct storm *storm = arg;
    while (clock_now_us() < storm->until_us && !atomic_load(&storm->failed))
        play(storm, atomic_fetch_add(&storm->next_seed, 1));
    return NULL;
}

static int64_t number_from(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoll(text, NULL, 10) : otherwise;
}

Test(conn_storm, nothing_hangs)
{
    struct conn_world world;
    pthread_t threads[AT_ONCE];
    struct resources before = resources_now();
    conn_world_init(&world);
    struct storm storm = {.world = &world, .lock = PTHREAD_MUTEX_INITIALIZER};
    storm.until_us = clock_deadline_ms(number_from("ACTPASS_SOAK", 0) * 1000 + STORM_MS);
    storm.next_seed = (unsigned)number_from("ACTPASS_SEED", 1);
    for (size_t i = 0; i < AT_ONCE; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, play_on, &storm), 0);
    for (size_t i = 0; i < AT_ONCE; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    conn_world_free(&world);
    cr_assert(!storm.failure[0], "%s", storm.failure);
    cr_assert(resources_return_to(before));
    cr_assert_geq(storm.rounds, AT_ONCE);
    if (getenv("ACTPASS_SOAK"))
        fprintf(stderr, "%u connections\n", storm.rounds);
}
