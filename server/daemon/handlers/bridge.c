#include "server/daemon/handlers/bridge.h"

#include "server/daemon/handlers/duplex.h"
#include "server/daemon/handlers/handler.h"
#include "server/daemon/handlers/plain_talk.h"

#include <sys/socket.h>
#include <unistd.h>

static const struct linger reset_at_close = {.l_onoff = 1, .l_linger = 0};
static const struct linger close_in_order = {.l_onoff = 0};

static void set_linger(int plain, const struct linger *linger)
{
    (void)setsockopt(plain, SOL_SOCKET, SO_LINGER, linger, sizeof(*linger));
}

void bridge_prepare(int plain)
{
    set_linger(plain, &reset_at_close);
}

void bridge_close(int plain, bool in_order)
{
    if (in_order)
        set_linger(plain, &close_in_order);
    close(plain);
}

enum form { FORM_BEGIN, FORM_TALK, FORM_DUPLEX };

static const char local[] = "the local connection";

/* HANDLER_MORE: the duplex has begun. */
static enum handler_next begin(struct handler_job *job)
{
    if (job->form == FORM_BEGIN && plain_talk_is_wanted(job)) {
        if (!plain_talk_begin(job, job->plain, local, "", "", 0))
            return HANDLER_DONE;
        job->form = FORM_TALK;
    }
    if (job->form == FORM_TALK) {
        enum plain_talk talk = plain_talk_step(job);
        if (talk != PLAIN_TALK_DONE)
            return talk == PLAIN_TALK_WAITS ? HANDLER_WAIT : HANDLER_DONE;
    }
    static const struct duplex_early none = {.in_size = 0};
    bool begun = job->form == FORM_TALK ? plain_talk_join(job, job->plain, local, "", &none)
                                        : duplex_begin(job, job->plain, local, "");
    job->form = FORM_DUPLEX;
    return begun ? HANDLER_MORE : HANDLER_DONE;
}

static enum handler_next bridge(struct handler_job *job)
{
    bool in_order = false;
    if (job->form != FORM_DUPLEX) {
        enum handler_next next = begin(job);
        if (next != HANDLER_MORE)
            return next;
    }
    enum handler_next next = duplex_step(job, &in_order);
    if (next == HANDLER_DONE && in_order)
        set_linger(job->plain, &close_in_order);
    return next;
}

const struct handler bridge_handler = {.name = "listen_plain", .descriptors = 1, .step = bridge};
