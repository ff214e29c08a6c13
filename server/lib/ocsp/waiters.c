#include "server/lib/ocsp/waiters.h"

void waiters_remove(struct ocsp_waiter *waiter)
{
    struct entry *entry = waiter->entry;
    if (!entry)
        return;
    *(waiter->before ? &waiter->before->behind : &entry->waiters) = waiter->behind;
    if (waiter->behind)
        waiter->behind->before = waiter->before;
    waiter->entry = NULL;
}

void waiters_add(struct entry *entry, struct ocsp_waiter *waiter)
{
    if (waiter->entry == entry)
        return;
    waiters_remove(waiter);
    waiter->entry = entry;
    waiter->before = NULL;
    waiter->behind = entry->waiters;
    if (waiter->behind)
        waiter->behind->before = waiter;
    entry->waiters = waiter;
}

void waiters_wake(struct entry *entry)
{
    while (entry->waiters) {
        struct ocsp_waiter *waiter = entry->waiters;
        waiters_remove(waiter);
        waiter->wake(waiter->arg);
    }
}
