/* After a system call on a non-blocking descriptor has failed. */
#ifndef ACTPASS_SERVER_LIB_BASE_WOULD_BLOCK_H
#define ACTPASS_SERVER_LIB_BASE_WOULD_BLOCK_H

#include <errno.h>
#include <stdbool.h>

/* Does errno say that it may work later, and nothing is wrong? Also after a signal. */
static inline bool would_block(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

#endif
