/* The file store, shared by processes that die at any time. */
#ifdef HAVE_LMDB
#include "tests/unit/test_sessions_file.h"

#include "server/lib/sessions/file_db.h"
#include "tests/support/resources.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(sessions_file_processes, .init = set_up, .fini = tear_down);

/* A child that opens the store itself, when there is something to read: LMDB does not survive a
 * fork, so that we must have none open. -1: at once. */
static pid_t child_after(int fd, void (*run)(struct store *store, unsigned number), unsigned number)
{
    char byte;
    pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent ||
        (fd >= 0 && read(fd, &byte, 1) != 1))
        _exit(3);
    struct store *store = store_file_new(test_folder_path(folder, "store"), &usual, &error);
    if (!store)
        _exit(2);
    run(store, number);
    store_free(store);
    _exit(0);
}

static pid_t child(void (*run)(struct store *store, unsigned number), unsigned number)
{
    return child_after(-1, run, number);
}

static void put_one(struct store *store, unsigned number)
{
    if (try_put(store, number, 100, 60) != STORE_DONE)
        _exit(4);
}

Test(sessions_file_processes, another_process_sees_it)
{
    int status = -1;
    pid_t pid = child(put_one, 7);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
    struct store *store = open_store(&usual);
    cr_assert_eq(get(store, 7), 100);
    store_free(store);
}

/* Takes the lock for writing, and never gives it back. */
static void hold_for_ever(struct store *store, unsigned number)
{
    MDB_txn *txn;
    struct file_db db = {.limits = usual};
    (void)number;
    store_free(store);
    if (file_db_open(&db, test_folder_path(folder, "store")) ||
        mdb_txn_begin(db.env, NULL, 0, &txn) || kill(getppid(), SIGCONT))
        _exit(6);
    for (;;)
        pause();
}

static atomic_bool held;

static void on_held(int signal)
{
    (void)signal;
    atomic_store(&held, true);
}

/* As one does that is stopped, by a debugger for example: nobody waits for long, at the start, in
 * between, or at the end. */
Test(sessions_file_processes, a_process_that_holds_the_lock, .timeout = 30)
{
    int status;
    signal(SIGCONT, on_held);
    struct store *store = open_store(&usual);
    put(store, 1, 100, 60);
    store_free(store);
    pid_t pid = child(hold_for_ever, 0);
    for (int i = 0; i < 1000 && !atomic_load(&held); i++)
        pause_ms(10);
    cr_assert(atomic_load(&held));
    for (int i = 0; i < 2; i++) { /* the second time it is still open */
        store = open_store(&usual);
        cr_assert_eq(get(store, 1), 100);
        cr_assert_eq(try_put(store, 2, 100, 60), STORE_FAILED);
        cr_assert(strstr(problem.text, "it was busy"), "%s", problem.text);
        store_free(store);
    }
    cr_assert_eq(kill(pid, SIGKILL), 0);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    store = open_store(&usual);
    put(store, 3, 100, 60);
    cr_assert_eq(get(store, 2), 100, "it was written after all");
    store_free(store);
}

/* Until the new file can be written there is none, but that is said at once. */
Test(sessions_file_processes, a_lock_that_is_held_and_a_file_that_was_removed, .timeout = 30)
{
    int status, go[2];
    signal(SIGCONT, on_held);
    cr_assert_eq(pipe(go), 0);
    pid_t pid = child_after(go[0], hold_for_ever, 0);
    struct store *store = open_store(&usual);
    put(store, 1, 100, 60);
    cr_assert_eq(write(go[1], "x", 1), 1);
    for (int i = 0; i < 1000 && !atomic_load(&held); i++)
        pause_ms(10);
    cr_assert(atomic_load(&held));
    cr_assert_eq(unlink(test_folder_path(folder, "store")), 0);
    cr_assert_eq(try_put(store, 2, 100, 60), STORE_FAILED);
    cr_assert_eq(get(store, 1), -3);
    store_free(store);
    struct store *again = open_store(&usual);
    cr_assert_eq(again, store, "it is still open");
    cr_assert_eq(kill(pid, SIGKILL), 0);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    for (int i = 0; i < 1000 && try_put(again, 3, 100, 60) != STORE_DONE; i++)
        pause_ms(10);
    cr_assert_eq(get(again, 1), -1);
    cr_assert_eq(get(again, 2), 100);
    cr_assert_eq(get(again, 3), 100);
    store_free(again);
    close(go[0]);
    close(go[1]);
}

/* Somebody took them for leftovers: what is made anew is found by others, too, and is one store for
 * all. */
Test(sessions_file_processes, files_that_were_removed)
{
    static const struct {
        const char *names[2];
        int kept;
    } rows[] = {{{"store-lock"}, 100}, {{"store"}, -1}, {{"store", "store-lock"}, -1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int status = -1, go[2];
        cr_assert_eq(pipe(go), 0);
        pid_t pid = child_after(go[0], put_one, 2);
        struct store *store = open_store(&usual);
        put(store, 1, 100, 60);
        for (size_t j = 0; j < 2 && rows[i].names[j]; j++)
            cr_assert_eq(unlink(test_folder_path(folder, rows[i].names[j])), 0);
        cr_assert_eq(write(go[1], "x", 1), 1);
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert_eq(status, 0, "row %zu: %x", i, status);
        close(go[0]);
        close(go[1]);
        put(store, 3, 100, 60);
        cr_assert_eq(get(store, 1), rows[i].kept, "row %zu", i);
        cr_assert_eq(get(store, 2), 100, "row %zu", i);
        struct store *again = open_store(&usual);
        cr_assert_eq(again, store, "row %zu: LMDB would lose its locks", i);
        store_free(again);
        store_free(store);
        cr_assert_eq(unlink(test_folder_path(folder, "store")), 0);
        cr_assert_eq(unlink(test_folder_path(folder, "store-lock")), 0);
    }
}

/* Its own records, and whatever the others have; status 5: one was damaged. */
static void work_for_ever(struct store *store, unsigned number)
{
    for (unsigned i = 0;; i++) {
        (void)try_put(store, number * 100 + i % 100, 50 + i % 3000, 60);
        if (get(store, (number * 37 + i * 11) % 1000) == -2)
            _exit(5);
    }
}

/* Killed in the middle of anything, over and over; the others go on. */
Test(sessions_file_processes, killed_processes, .timeout = 60)
{
    enum { CHILDREN = 6, KILLS = 40 };
    pid_t pids[CHILDREN];
    int status;
    for (unsigned i = 0; i < CHILDREN; i++)
        pids[i] = child(work_for_ever, i);
    for (unsigned i = 0; i < KILLS; i++) {
        pause_ms(20);
        cr_assert_eq(kill(pids[i % CHILDREN], SIGKILL), 0);
        cr_assert_eq(waitpid(pids[i % CHILDREN], &status, 0), pids[i % CHILDREN]);
        cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %x", status);
        pids[i % CHILDREN] = child(work_for_ever, i % CHILDREN);
    }
    for (unsigned i = 0; i < CHILDREN; i++) {
        cr_assert_eq(kill(pids[i], SIGKILL), 0);
        cr_assert_eq(waitpid(pids[i], &status, 0), pids[i]);
        cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %x", status);
    }
    struct store *store = open_store(&usual);
    put(store, 5000, 100, 60);
    cr_assert_eq(get(store, 5000), 100);
    for (unsigned i = 0; i < 1000; i++)
        cr_assert_neq(get(store, i), -2, "record %u is damaged", i);
    cr_assert_neq(access(test_folder_path(folder, "store-damaged"), F_OK), 0);
    store_free(store);
}
#else
typedef int empty; /* test_sessions_file.c says what holds then */
#endif
