#include "server/idle.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdint.h>
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
    enum { CALLEE = 512 }; /* bytes that madvise itself may stand on */
    uintptr_t to = ((uintptr_t)__builtin_frame_address(0) - CALLEE) / page * page;
    if (from < to)
        (void)madvise((void *)from, to - from, MADV_DONTNEED); /* only a saving */
}

void idle_release(void)
{
    OPENSSL_thread_stop();
    release_stack();
}
