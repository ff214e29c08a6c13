/* Echo: writes back what it reads, until the peer's close_notify. */
#include "server/daemon/handlers/handler.h"

#include <stdlib.h>
#include <string.h>

enum { RECORD = 16384, STEP_ROUNDS = 64 };

/* What was read and not written yet, while the peer takes no data. There is no state otherwise. */
struct rest {
    size_t start, end;
    unsigned char bytes[RECORD];
};

/* The result of an attempt. ENDED: nothing more can be done. */
enum step { STEP_NOTHING, STEP_MOVED, STEP_ENDED };

static enum step keep(struct handler_job *job, const unsigned char *bytes, size_t size)
{
    struct rest *rest = malloc(sizeof(*rest));
    if (!rest) {
        actpass_fail(job->conn, ACTPASS_CANCELLED, "out of memory for the buffer");
        return STEP_ENDED;
    }
    rest->start = 0;
    rest->end = size;
    memcpy(rest->bytes, bytes, size);
    job->state = rest;
    return STEP_NOTHING;
}

/* Returns how many bytes were taken, or -1. */
static int64_t write_some(actpass_conn *conn, const unsigned char *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        int64_t taken = actpass_write_some(conn, bytes + done, size - done);
        if (taken == ACTPASS_AGAIN)
            break;
        if (taken < 0)
            return -1;
        done += (size_t)taken;
    }
    return (int64_t)done;
}

static enum step write_rest(struct handler_job *job)
{
    struct rest *rest = job->state;
    int64_t taken = write_some(job->conn, rest->bytes + rest->start, rest->end - rest->start);
    if (taken < 0)
        return STEP_ENDED;
    rest->start += (size_t)taken;
    if (rest->start < rest->end)
        return STEP_NOTHING;
    free(rest);
    job->state = NULL;
    return STEP_MOVED;
}

static enum step copy(struct handler_job *job)
{
    unsigned char bytes[RECORD];
    int64_t length = actpass_read(job->conn, bytes, sizeof(bytes));
    if (length == ACTPASS_AGAIN)
        return job->leave ? STEP_ENDED : STEP_NOTHING;
    if (length <= 0)
        return STEP_ENDED;
    job->used = true;
    job->leave = false; /* somebody uses it */
    int64_t taken = write_some(job->conn, bytes, (size_t)length);
    if (taken < 0)
        return STEP_ENDED;
    return taken == length ? STEP_MOVED : keep(job, bytes + taken, (size_t)(length - taken));
}

static enum handler_next echo(struct handler_job *job)
{
    struct pollfd unused;
    for (int i = 0; i < STEP_ROUNDS; i++) {
        enum step step = job->state ? write_rest(job) : copy(job);
        if (step == STEP_ENDED) {
            free(job->state);
            job->state = NULL;
            return HANDLER_DONE;
        }
        if (step == STEP_NOTHING)
            return HANDLER_WAIT;
    }
    (void)actpass_prepare_wait(job->conn, &unused); /* sends what was collected */
    return HANDLER_MORE;
}

const struct handler echo_handler = {.name = "echo", .step = echo};
