#include "relay/state.h"

#include "relay/clock.h"
#include "relay/internal.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* ---- A relay whose changes are recorded ----------------------------------------------------- */

static char traced[128]; /* the last change; empty: none */

static void record(const struct relay *relay, const char *part, const char *from, const char *to)
{
    (void)relay;
    (void)snprintf(traced, sizeof(traced), "%s: %s -> %s", part, from, to);
}

static const struct relay_hooks recording = {.trace = record};

static int peer;

static struct relay *make(enum relay_transport transport, const struct relay_hooks *hooks)
{
    int fds[2];
    sockets_unix(fds);
    peer = fds[1];
    const struct relay_options options = {
        .transport = transport, .role = ROLE_SERVER, .hooks = hooks};
    struct relay *relay = relay_new(fds[0], &options);
    cr_assert_not_null(relay);
    relay_lock(relay);
    traced[0] = '\0';
    return relay;
}

static void end(struct relay *relay)
{
    relay_unlock(relay);
    relay_free(relay);
    close(peer);
}

/* ---- Setters -------------------------------------------------------------------------------- */

static void set_state(struct relay *relay, unsigned to)
{
    state_set(relay, (enum relay_state)to);
}

static void set_connect(struct relay *relay, unsigned to)
{
    state_set_connect(relay, (enum connect_state)to);
}

static void set_loop(struct relay *relay, unsigned to)
{
    state_set_loop(relay, (enum loop_state)to);
}

static void set_thread(struct relay *relay, unsigned to)
{
    state_set_thread(relay, (enum thread_state)to);
}

static void set_announcement(struct relay *relay, unsigned to)
{
    state_set_announcement(relay, (enum announcement)to);
}

static void set_glare(struct relay *relay, unsigned to)
{
    state_set_glare(relay, (enum glare_state)to);
}

static const struct {
    void (*set)(struct relay *relay, unsigned to);
    const char *changes[4];
} setters[] = {
    {set_state,
     {"state: done -> sniff", "state: sniff -> open", "state: open -> drain",
      "state: drain -> done"}},
    {set_connect,
     {"connect: by SYN -> connected", "connect: connected -> on send",
      "connect: on send -> by SYN"}},
    {set_loop,
     {"loop: woken -> free", "loop: free -> busy", "loop: busy -> asleep",
      "loop: asleep -> woken"}},
    {set_thread,
     {"thread: attached -> none", "thread: none -> away", "thread: away -> due",
      "thread: due -> attached"}},
    {set_announcement,
     {"announcement: done -> pending", "announcement: pending -> running",
      "announcement: running -> done"}},
    {set_glare,
     {"glare: watch -> off", "glare: off -> withhold", "glare: withhold -> held",
      "glare: held -> watch"}},
};

/* Each value in turn, in the order of its enum, and back to the first. */
Test(state, setters_trace_each_change_by_name)
{
    for (size_t i = 0; i < sizeof(setters) / sizeof(*setters); i++) {
        struct relay *relay = make(RELAY_PAIR, &recording);
        unsigned values = setters[i].changes[3] ? 4 : 3;
        setters[i].set(relay, 0);
        for (unsigned to = 1; to <= values; to++) {
            setters[i].set(relay, to % values);
            cr_assert_str_eq(traced, setters[i].changes[to % values]);
            traced[0] = '\0';
            setters[i].set(relay, to % values);
            cr_assert_str_eq(traced, "", "no change");
        }
        end(relay);
    }
}

Test(state, an_input_that_is_over_stays_so)
{
    static const enum input_state over[] = {INPUT_ENDED, INPUT_FAILED};
    static const char *const changes[] = {"input: open -> ended", "input: open -> failed"};
    for (size_t i = 0; i < 2; i++) {
        struct relay *relay = make(RELAY_PAIR, &recording);
        cr_assert_not(state_input_over(relay));
        state_set_input(relay, over[i]);
        cr_assert_str_eq(traced, changes[i]);
        state_set_input(relay, INPUT_OPEN);
        state_set_input(relay, over[1 - i]);
        cr_assert_eq(relay->input.state, over[i]);
        cr_assert_str_eq(traced, changes[i]);
        cr_assert(state_input_over(relay));
        end(relay);
    }
}

Test(state, dead_output_stays_so)
{
    static const enum output_state dead[] = {OUTPUT_FAILED, OUTPUT_TIMED_OUT};
    static const char *const changes[] = {"output: finished -> failed",
                                          "output: finished -> timed out"};
    for (size_t i = 0; i < 2; i++) {
        struct relay *relay = make(RELAY_PAIR, &recording);
        state_set_output(relay, OUTPUT_BLOCKED);
        cr_assert_str_eq(traced, "output: open -> blocked");
        state_set_output(relay, OUTPUT_FINISHING);
        cr_assert_str_eq(traced, "output: blocked -> finishing");
        state_set_output(relay, OUTPUT_FINISHED);
        cr_assert_not(state_output_dead(relay));
        state_set_output(relay, dead[i]);
        cr_assert_str_eq(traced, changes[i]);
        state_set_output(relay, OUTPUT_OPEN);
        state_set_output(relay, dead[1 - i]);
        cr_assert_eq(relay->output.state, dead[i]);
        cr_assert(state_output_dead(relay));
        end(relay);
    }
}

Test(state, a_verdict_is_traced_with_its_cause)
{
    struct relay *relay = make(RELAY_PAIR, &recording);
    state_set_verdict(relay, ROLE_CLIENT, CAUSE_SILENCE);
    cr_assert_str_eq(traced, "verdict: client -> silence");
    cr_assert_eq(relay->verdict.role, ROLE_CLIENT);
    cr_assert_eq(relay->verdict.cause, CAUSE_SILENCE);
    end(relay);
}

Test(state, without_hooks_nothing_is_traced)
{
    static const struct relay_hooks none = {0};
    const struct relay_hooks *const rows[] = {NULL, &none};
    for (size_t i = 0; i < 2; i++) {
        struct relay *relay = make(RELAY_PAIR, rows[i]);
        state_set_loop(relay, LOOP_BUSY);
        state_set_verdict(relay, ROLE_CLIENT, CAUSE_SILENCE);
        cr_assert_eq(relay->driver.loop, LOOP_BUSY);
        cr_assert_str_eq(traced, "");
        state_set_loop(relay, LOOP_FREE);
        end(relay);
    }
}

Test(state, the_first_error_is_kept)
{
    struct relay *relay = make(RELAY_PAIR, NULL);
    state_latch(relay, ECONNRESET);
    state_latch(relay, EPIPE);
    cr_assert_eq(relay->error, ECONNRESET);
    end(relay);
}

/* ---- Questions ------------------------------------------------------------------------------ */

Test(state, what_to_poll_for)
{
    static const struct {
        enum relay_transport transport;
        enum input_state input;
        enum output_state output;
        enum connect_state connect;
        bool ready, discarding; /* direct: the socket may have bytes; input is thrown away */
        short events;
    } rows[] = {
        {.events = POLLIN},
        {.output = OUTPUT_BLOCKED, .events = POLLIN | POLLOUT},
        {.input = INPUT_ENDED, .events = 0},
        {.input = INPUT_FAILED, .output = OUTPUT_BLOCKED, .events = POLLOUT},
        {.input = INPUT_ENDED, .discarding = true, .events = 0},
        {.output = OUTPUT_BLOCKED, .connect = CONNECT_ON_SEND, .events = 0},
        {.output = OUTPUT_FAILED, .events = POLLIN},
        {.transport = RELAY_DIRECT, .events = POLLIN},
        {.transport = RELAY_DIRECT, .ready = true, .events = 0},
        {.transport = RELAY_DIRECT, .ready = true, .discarding = true, .events = POLLIN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct relay *relay = make(rows[i].transport, NULL);
        state_set_input(relay, rows[i].input);
        state_set_output(relay, rows[i].output);
        state_set_connect(relay, rows[i].connect);
        relay->input.ready = rows[i].ready;
        relay->input.discarding = rows[i].discarding;
        cr_assert_eq(state_wanted_events(relay), rows[i].events, "row %zu: %d", i,
                     state_wanted_events(relay));
        end(relay);
    }
}

/* ---- The hooks of a test -------------------------------------------------------------------- */

static bool may_poll(enum relay_turn turn)
{
    return turn == TURN_RELAY_POLLS;
}

Test(state, without_hooks_the_usual_rule_holds)
{
    struct relay *relay = make(RELAY_PAIR, &recording);
    cr_assert_not(state_is_forced(relay));
    cr_assert(state_may(relay, TURN_RELAY_POLLS));
    cr_assert(state_may(relay, TURN_CONVERSATION_SENDS));
    cr_assert_eq(state_look_again_us(relay), DEADLINE_NEVER);
    cr_assert_eq(state_io_size(relay, 1000), 1000);
    end(relay);
}

Test(state, a_hook_decides)
{
    static const struct relay_hooks hooks = {.may = may_poll, .look_us = 5000000, .io_cap = 10};
    struct relay *relay = make(RELAY_PAIR, &hooks);
    int64_t now_us = clock_now_us();
    cr_assert(state_is_forced(relay));
    cr_assert(state_may(relay, TURN_RELAY_POLLS));
    cr_assert_not(state_may(relay, TURN_CONVERSATION_SENDS));
    cr_assert_geq(state_look_again_us(relay), now_us + 5000000);
    cr_assert_neq(state_look_again_us(relay), DEADLINE_NEVER);
    cr_assert_eq(state_io_size(relay, 1000), 10);
    cr_assert_eq(state_io_size(relay, 9), 9);
    end(relay);
}
