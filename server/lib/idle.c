#include "server/lib/idle.h"

#include "relay/clock.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

static void release_stack(void)
{
    pthread_attr_t attributes;
    void *lowest;
    size_t size;
    if (pthread_getattr_np(pthread_self(), &attributes))
        return;
    int failed = pthread_attr_getstack(&attributes, &lowest, &size);
    pthread_attr_destroy(&attributes);
    if (failed)
        return;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)lowest + page - 1) / page * page;
    enum { CALLEE = 512 }; /* bytes of stack for madvise itself */
    uintptr_t to = ((uintptr_t)__builtin_frame_address(0) - CALLEE) / page * page;
    if (from < to)
        (void)madvise((void *)from, to - from, MADV_DONTNEED); /* a failure costs only memory */
}

void idle_release(void)
{
    OPENSSL_thread_stop();
    release_stack();
}

/* The heap belongs to the process, and so do these: when the last trim began, and when the next one
 * may begin. */
static _Atomic int64_t trimmed_us, next_us;

int64_t idle_trim(int64_t since_us)
{
    enum { SHARE = 100 };
    int64_t now_us = clock_now_us();
    int64_t last_us = atomic_load(&trimmed_us);
    int64_t due_us = atomic_load(&next_us);
    if (due_us < since_us + IDLE_SETTLE_US)
        due_us = since_us + IDLE_SETTLE_US;
    if (last_us >= since_us)
        return 0;
    if (now_us < due_us)
        return due_us;
    if (!atomic_compare_exchange_strong(&trimmed_us, &last_us, now_us))
        return 0; /* another thread has just begun */
    (void)malloc_trim(0);
    int64_t end_us = clock_now_us();
    atomic_store(&next_us, end_us + SHARE * (end_us - now_us));
    return 0;
}
