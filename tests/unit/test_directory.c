/* The directory of collectors, in a real Redis. Where there is none, nothing is tested. */
#include "server/daemon/fleet/directory.h"

#include <criterion/criterion.h>

#ifdef HAVE_HIREDIS
#include "relay/clock.h"
#include "relay/lock.h"
#include "tests/support/certs.h"
#include "tests/support/redis_server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAMES = 20000, PATIENCE_MS = 10000, EXPIRE_MS = 300, LONG_MS = 60000 };

/* A collector: the names that are here, and what its directory has said. */
struct collector {
    struct directory *directory;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char *here[NAMES];
    size_t count;
    bool wants;            /* somebody waits for any name */
    const char *waits_for; /* before the directory begins; NULL: nobody waits */
    char found[64], at[64];
    unsigned works, fails;
    char problem[256];
};

static struct test_folder *folder;
static struct redis_place *place;
static pid_t redis;

static void set_up(void)
{
    struct error_text error;
    folder = test_folder_new();
    const char *path = test_folder_path(folder, "redis");
    const struct config_sessions where = {.kind = CONFIG_SESSIONS_REDIS, .path = (char *)path};
    redis = redis_server_start(path);
    if (!redis)
        cr_skip_test("redis-server is not installed");
    place = directory_place_new(&where, &error);
    cr_assert_not_null(place, "%s", error.text);
}

static void tear_down(void)
{
    directory_place_free(place);
    redis_server_stop(redis);
    (void)unlink(test_folder_path(folder, "redis"));
    test_folder_free(folder);
}

TestSuite(directory, .init = set_up, .fini = tear_down);

/* ---- A collector ----------------------------------------------------------------------------- */

static void list(void *arg, directory_add *add, void *to)
{
    struct collector *collector = arg;
    lock_take(&collector->lock);
    for (size_t i = 0; i < collector->count; i++)
        add(collector->here[i], DIRECTORY_HERE, to);
    if (collector->waits_for)
        add(collector->waits_for, DIRECTORY_WANTED, to);
    lock_release(&collector->lock);
}

static bool wanted(void *arg, const char *name)
{
    struct collector *collector = arg;
    (void)name;
    lock_take(&collector->lock);
    bool wants = collector->wants;
    lock_release(&collector->lock);
    return wants;
}

static void found(void *arg, const char *name, const char *address)
{
    struct collector *collector = arg;
    lock_take(&collector->lock);
    (void)snprintf(collector->found, sizeof(collector->found), "%s", name);
    (void)snprintf(collector->at, sizeof(collector->at), "%s", address);
    lock_broadcast(&collector->changed);
    lock_release(&collector->lock);
}

static void changed(void *arg, const char *problem)
{
    struct collector *collector = arg;
    lock_take(&collector->lock);
    *(problem ? &collector->fails : &collector->works) += 1;
    (void)snprintf(collector->problem, sizeof(collector->problem), "%s", problem ? problem : "");
    lock_broadcast(&collector->changed);
    lock_release(&collector->lock);
}

static void begin(struct collector *collector, const char *address, int64_t expire_ms)
{
    const struct directory_options options = {.place = place,
                                              .pool = "field",
                                              .advertise = address,
                                              .expire_ms = expire_ms,
                                              .list = list,
                                              .wanted = wanted,
                                              .found = found,
                                              .changed = changed,
                                              .arg = collector};
    collector->wants = true;
    cr_assert_eq(pthread_mutex_init(&collector->lock, NULL), 0);
    cr_assert_eq(clock_init_cond(&collector->changed), 0);
    collector->directory = directory_new(&options);
    cr_assert_not_null(collector->directory);
}

static void end(struct collector *collector, enum directory_end how)
{
    directory_free(collector->directory, how);
    for (size_t i = 0; i < collector->count; i++)
        free(collector->here[i]);
    (void)pthread_cond_destroy(&collector->changed);
    (void)pthread_mutex_destroy(&collector->lock);
}

static void add(struct collector *collector, const char *name)
{
    lock_take(&collector->lock);
    cr_assert_lt(collector->count, NAMES);
    collector->here[collector->count++] = strdup(name);
    lock_release(&collector->lock);
    directory_note(collector->directory, name, true);
}

static bool has_found(struct collector *collector, const char *name, const char *address,
                      int64_t within_ms)
{
    int64_t deadline_us = clock_deadline_ms(within_ms);
    bool late = false;
    lock_take(&collector->lock);
    while (strcmp(collector->found, name) != 0 && !late)
        late = lock_sleep(&collector->changed, &collector->lock, deadline_us);
    bool right = strcmp(collector->found, name) == 0 && strcmp(collector->at, address) == 0;
    collector->found[0] = '\0';
    lock_release(&collector->lock);
    return right;
}

static bool finds(struct collector *collector, const char *name, const char *address)
{
    directory_want(collector->directory, name, 0);
    return has_found(collector, name, address, PATIENCE_MS);
}

/* One question is answered at once, so a moment is enough to see that nothing is found. */
static bool finds_nothing(struct collector *collector, const char *name)
{
    enum { MOMENT_MS = 150 };
    directory_want(collector->directory, name, 0);
    bool none = !has_found(collector, name, "", MOMENT_MS);
    lock_take(&collector->lock);
    collector->wants = false; /* so it is not looked for any more */
    lock_release(&collector->lock);
    return none;
}

static void wait_for(struct collector *collector, const unsigned *counter, unsigned value)
{
    int64_t deadline_us = clock_deadline_ms(PATIENCE_MS);
    bool late = false;
    lock_take(&collector->lock);
    while (*counter < value && !late)
        late = lock_sleep(&collector->changed, &collector->lock, deadline_us);
    cr_assert_eq(*counter, value);
    lock_release(&collector->lock);
}

/* ---- The tests ------------------------------------------------------------------------------- */

Test(directory, a_name_is_found_at_the_other_collector_only)
{
    static struct collector one, two;
    begin(&one, "one:1", LONG_MS);
    begin(&two, "two:2", LONG_MS);
    add(&one, "a.example");
    cr_assert(finds(&two, "a.example", "one:1"));
    cr_assert(finds_nothing(&one, "a.example"), "it is not elsewhere");
    cr_assert(finds_nothing(&two, "b.example"));
    end(&one, DIRECTORY_FORGET);
    two.wants = true;
    cr_assert(finds_nothing(&two, "a.example"), "after an orderly end");
    end(&two, DIRECTORY_FORGET);
}

Test(directory, a_name_that_comes_later_is_found_while_it_is_wanted)
{
    static struct collector one, two;
    begin(&one, "one:1", LONG_MS);
    begin(&two, "two:2", LONG_MS);
    wait_for(&two, &two.works, 1);
    directory_want(two.directory, "a.example", 0);
    cr_assert(!has_found(&two, "a.example", "", 100));
    add(&one, "a.example");
    cr_assert(has_found(&two, "a.example", "one:1", PATIENCE_MS));
    directory_note(one.directory, "a.example", false);
    directory_note(one.directory, "b.example", true);
    cr_assert(finds(&two, "b.example", "one:1"));
    cr_assert(finds_nothing(&two, "a.example"), "it was taken away before b came");
    end(&two, DIRECTORY_FORGET);
    end(&one, DIRECTORY_FORGET);
}

Test(directory, who_waits_already_is_looked_for)
{
    static struct collector one, two;
    begin(&one, "one:1", LONG_MS);
    add(&one, "a.example");
    two.waits_for = "a.example";
    begin(&two, "two:2", LONG_MS);
    cr_assert(has_found(&two, "a.example", "one:1", PATIENCE_MS));
    end(&two, DIRECTORY_FORGET);
    end(&one, DIRECTORY_FORGET);
}

/* The names outlive a collector that goes without a word, but not for long. */
Test(directory, a_collector_that_is_gone_is_forgotten)
{
    static struct collector one, two;
    begin(&one, "one:1", EXPIRE_MS);
    begin(&two, "two:2", EXPIRE_MS);
    add(&one, "a.example");
    cr_assert(finds(&two, "a.example", "one:1"));
    usleep(3 * EXPIRE_MS * 1000); /* renewed meanwhile */
    cr_assert(finds(&two, "a.example", "one:1"));
    end(&one, DIRECTORY_KEEP);
    int64_t deadline_us = clock_deadline_ms(PATIENCE_MS);
    while (!finds_nothing(&two, "a.example") && clock_now_us() < deadline_us)
        two.wants = true;
    cr_assert_lt(clock_now_us(), deadline_us);
    end(&two, DIRECTORY_FORGET);
}

Test(directory, all_names_are_written_again_when_redis_was_away_or_forgot)
{
    static struct collector one, two;
    char name[32];
    const char *path = test_folder_path(folder, "redis");
    begin(&one, "one:1", EXPIRE_MS);
    begin(&two, "two:2", EXPIRE_MS);
    for (unsigned i = 0; i < NAMES; i++) {
        (void)snprintf(name, sizeof(name), "d%u.example", i);
        add(&one, name);
    }
    cr_assert(finds(&two, "d0.example", "one:1") && finds(&two, name, "one:1"));
    redis_server_tell(path, "FLUSHALL");
    cr_assert(finds(&two, "d7.example", "one:1"), "it had forgotten all");
    redis_server_stop(redis);
    wait_for(&one, &one.fails, 1);
    cr_assert(strstr(one.problem, "the registry in Redis"), "%s", one.problem);
    directory_want(two.directory, name, 0);
    redis = redis_server_start(path);
    cr_assert(has_found(&two, name, "one:1", PATIENCE_MS), "asked while it was away");
    wait_for(&one, &one.works, 2);
    end(&one, DIRECTORY_FORGET);
    end(&two, DIRECTORY_FORGET);
}
#endif
