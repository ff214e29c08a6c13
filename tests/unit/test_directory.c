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
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { NAMES = 20000, PATIENCE_MS = 10000, EXPIRE_MS = 300, LONG_MS = 60000 };

/* A collector: the names that are here, and what its directory has said. */
struct collector {
    struct directory *directory;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char *here[NAMES];
    size_t count;
    size_t wants;          /* how many wait for any name */
    const char *waits_for; /* before the directory begins; NULL: nobody waits */
    unsigned finds;
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

static size_t wanted(void *arg, const char *name)
{
    struct collector *collector = arg;
    (void)name;
    lock_take(&collector->lock);
    size_t wants = collector->wants;
    lock_release(&collector->lock);
    return wants;
}

static void found(void *arg, const char *name, const char *address)
{
    struct collector *collector = arg;
    lock_take(&collector->lock);
    (void)snprintf(collector->found, sizeof(collector->found), "%s", name);
    (void)snprintf(collector->at, sizeof(collector->at), "%s", address);
    collector->finds++;
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

static void begin_at(struct collector *collector, const struct redis_place *where,
                     const char *address, int64_t expire_ms)
{
    const struct directory_options options = {.place = where,
                                              .pool = "field",
                                              .advertise = address,
                                              .expire_ms = expire_ms,
                                              .list = list,
                                              .wanted = wanted,
                                              .found = found,
                                              .changed = changed,
                                              .arg = collector};
    collector->wants = 1;
    cr_assert_eq(pthread_mutex_init(&collector->lock, NULL), 0);
    cr_assert_eq(clock_init_cond(&collector->changed), 0);
    collector->directory = directory_new(&options);
    cr_assert_not_null(collector->directory);
}

static void begin(struct collector *collector, const char *address, int64_t expire_ms)
{
    begin_at(collector, place, address, expire_ms);
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
    collector->wants = 0; /* so it is not looked for any more */
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
    two.wants = 1;
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
        two.wants = 1;
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

/* Clients ask for a name and leave, while one goes on to wait. */
Test(directory, who_has_left_is_not_looked_for)
{
    static struct collector one, two;
    begin(&one, "one:1", LONG_MS);
    begin(&two, "two:2", LONG_MS);
    wait_for(&two, &two.works, 1);
    for (int i = 0; i < 50; i++)
        directory_want(two.directory, "a.example", 0);
    add(&one, "a.example");
    cr_assert(has_found(&two, "a.example", "one:1", PATIENCE_MS));
    two.wants = 0;
    cr_assert(finds_nothing(&two, "b.example"), "later than all that was asked for a");
    cr_assert_eq(two.finds, 1);
    end(&one, DIRECTORY_FORGET);
    end(&two, DIRECTORY_FORGET);
}

Test(directory, a_wrong_value_in_redis_hides_no_name)
{
    static struct collector one, two;
    const char *path = test_folder_path(folder, "redis");
    redis_server_tell(path, "SADD actpass:{field} liar:1 liar:2 liar:3");
    redis_server_tell(path, "SET actpass:{field}:liar:1 a.example");
    redis_server_tell(path, "HSET actpass:{field}:liar:2 a.example 1");
    begin(&one, "one:1", LONG_MS);
    begin(&two, "two:2", LONG_MS);
    add(&one, "a.example");
    for (int i = 0; i < 30; i++) /* each begins with any of them */
        cr_assert(finds(&two, "a.example", "one:1"));
    cr_assert_eq(two.fails, 0, "%s", two.problem);
    end(&one, DIRECTORY_FORGET);
    end(&two, DIRECTORY_FORGET);
}

/* Said once, and not once a second; and what is here stays in Redis meanwhile. */
Test(directory, a_redis_that_refuses_to_look_is_no_redis_that_is_away)
{
    static struct collector two;
    const char *path = test_folder_path(folder, "redis");
    redis_server_tell(path, "ACL SETUSER default -eval");
    begin(&two, "two:2", LONG_MS);
    wait_for(&two, &two.works, 1);
    directory_want(two.directory, "a.example", 0);
    wait_for(&two, &two.fails, 1);
    cr_assert(strstr(two.problem, "refuses EVAL"), "%s", two.problem);
    cr_assert(!has_found(&two, "a.example", "", 2500), "looked for several times");
    cr_assert_eq(two.fails, 1);
    cr_assert_eq(two.works, 1);
    redis_server_tell(path, "ACL SETUSER default +eval");
    wait_for(&two, &two.works, 2);
    end(&two, DIRECTORY_FORGET);
}

/* ---- A Redis that answers slowly ------------------------------------------------------------- */

enum { SLOW_MS = 200 };

/* Answers each command alike, which is no name to those who look for one. */
static void *answer_slowly(void *arg)
{
    char command[16384];
    int fd = accept(*(const int *)arg, NULL, NULL);
    bool open = fd >= 0;
    while (open && recv(fd, command, sizeof(command), 0) > 0) {
        usleep(SLOW_MS * 1000);
        open = send(fd, ":1\r\n", 4, MSG_NOSIGNAL) == 4;
    }
    close(fd);
    return NULL;
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_lt(strlen(path), sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path) + 1);
    cr_assert_eq(bind(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(fd, 1), 0);
    return fd;
}

Test(directory, a_stop_does_not_wait_for_all_questions_to_a_slow_redis)
{
    enum { QUESTIONS = 60 };
    static struct collector one;
    struct error_text error;
    char name[32];
    pthread_t redis_thread;
    const char *path = test_folder_path(folder, "slow");
    const struct config_sessions where = {.kind = CONFIG_SESSIONS_REDIS, .path = (char *)path};
    int listener = listen_at(path);
    struct redis_place *slow = directory_place_new(&where, &error);
    cr_assert_not_null(slow, "%s", error.text);
    cr_assert_eq(pthread_create(&redis_thread, NULL, answer_slowly, &listener), 0);
    begin_at(&one, slow, "one:1", LONG_MS);
    wait_for(&one, &one.works, 1);
    for (int i = 0; i < QUESTIONS; i++) {
        (void)snprintf(name, sizeof(name), "d%d.example", i);
        directory_want(one.directory, name, 0);
    }
    usleep(SLOW_MS * 1000); /* it is at the questions now */
    int64_t began_us = clock_now_us();
    end(&one, DIRECTORY_FORGET);
    cr_assert_lt(clock_now_us() - began_us, QUESTIONS / 2 * SLOW_MS * 1000);
    cr_assert_eq(pthread_join(redis_thread, NULL), 0);
    close(listener);
    directory_place_free(slow);
    (void)unlink(path);
}
#endif
