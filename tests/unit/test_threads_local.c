/* Thread-local data are taken from the stack, and an application may have more of them than a
 * thread of ours has stack. */
#include "relay/threads.h"

#include <criterion/criterion.h>
#include <stdatomic.h>

static _Thread_local volatile char much[300000];

static void touch(void *arg)
{
    atomic_int *runs = arg;
    much[sizeof(much) - 1] = 1;
    atomic_fetch_add(runs, 1);
}

Test(threads_local, an_application_with_much_thread_local_data, .timeout = 10)
{
    atomic_int runs = 0;
    struct threads *threads = threads_new(65536, 4, 10000);
    cr_assert_not_null(threads);
    cr_assert_eq(threads_run(threads, touch, &runs), 0);
    threads_free(threads);
    cr_assert_eq(runs, 1);
}
