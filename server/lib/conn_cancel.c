#include "server/lib/conn_cancel.h"

#include "relay/lock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct actpass_cancel {
    int fd; /* an eventfd, written once */
    pthread_mutex_t lock;
    bool set;
    struct cancellable *first;
};

actpass_cancel *actpass_cancel_new(void)
{
    actpass_cancel *cancel = calloc(1, sizeof(*cancel));
    int error = cancel ? pthread_mutex_init(&cancel->lock, NULL) : ENOMEM;
    if (error)
        goto out;
    cancel->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (cancel->fd >= 0)
        return cancel;
    error = errno;
    pthread_mutex_destroy(&cancel->lock);
out:
    free(cancel);
    errno = error;
    return NULL;
}

void actpass_cancel_free(actpass_cancel *cancel)
{
    if (!cancel)
        return;
    close(cancel->fd);
    pthread_mutex_destroy(&cancel->lock);
    free(cancel);
}

void actpass_cancel_now(actpass_cancel *cancel)
{
    lock_take(&cancel->lock);
    if (!cancel->set)
        (void)eventfd_write(cancel->fd, 1); /* from 0 to 1 it cannot be full */
    cancel->set = true;
    for (struct cancellable *item = cancel->first; item; item = item->next)
        actpass_abort(item->conn);
    lock_release(&cancel->lock);
}

int actpass_cancel_fd(const actpass_cancel *cancel)
{
    return cancel->fd;
}

int cancel_fd(const actpass_cancel *cancel)
{
    return cancel ? cancel->fd : -1;
}

bool cancel_is_set(actpass_cancel *cancel)
{
    if (!cancel)
        return false;
    lock_take(&cancel->lock);
    bool set = cancel->set;
    lock_release(&cancel->lock);
    return set;
}

void cancel_add(actpass_cancel *cancel, struct cancellable *item)
{
    if (!cancel)
        return;
    lock_take(&cancel->lock);
    item->next = cancel->first;
    cancel->first = item;
    if (cancel->set)
        actpass_abort(item->conn);
    lock_release(&cancel->lock);
}

void cancel_remove(actpass_cancel *cancel, struct cancellable *item)
{
    if (!cancel)
        return;
    lock_take(&cancel->lock);
    struct cancellable **at = &cancel->first;
    while (*at != item)
        at = &(*at)->next;
    *at = item->next;
    lock_release(&cancel->lock);
}
