/* A trouble that goes on. */
#include "server/lib/sessions/trouble.h"

#include "relay/clock.h"

#include <stdio.h>

bool trouble_init(struct trouble *trouble)
{
    *trouble = (struct trouble){.told = false};
    return pthread_mutex_init(&trouble->lock, NULL) == 0;
}

void trouble_destroy(struct trouble *trouble)
{
    pthread_mutex_destroy(&trouble->lock);
}

void trouble_note(struct trouble *trouble, const char *text)
{
    pthread_mutex_lock(&trouble->lock);
    snprintf(trouble->text, sizeof(trouble->text), "%s", text);
    atomic_store(&trouble->noted, true);
    pthread_mutex_unlock(&trouble->lock);
}

bool trouble_tell(struct trouble *trouble, char *text, size_t size)
{
    if (!atomic_load_explicit(&trouble->noted, memory_order_relaxed))
        return false;
    pthread_mutex_lock(&trouble->lock);
    int64_t now_us = clock_now_us();
    bool tell = atomic_load(&trouble->noted) &&
                (!trouble->told || now_us - trouble->told_us >= TROUBLE_QUIET_US);
    if (tell) {
        snprintf(text, size, "%s", trouble->text);
        atomic_store(&trouble->noted, false);
        trouble->told = true;
        trouble->told_us = now_us;
    }
    pthread_mutex_unlock(&trouble->lock);
    return tell;
}
