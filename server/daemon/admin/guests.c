#include "server/daemon/admin/guests.h"

#include <stdlib.h>
#include <sys/socket.h>

static void add_last(struct guests *guests, struct guest *guest)
{
    guest->before = guests->last;
    guest->after = NULL;
    if (guests->last)
        guests->last->after = guest;
    else
        guests->first = guest;
    guests->last = guest;
    guests->count++;
}

static void take_out(struct guests *guests, struct guest *guest)
{
    if (guest->before)
        guest->before->after = guest->after;
    else
        guests->first = guest->after;
    if (guest->after)
        guest->after->before = guest->before;
    else
        guests->last = guest->before;
    guests->count--;
}

static void make_way(struct guests *guests)
{
    struct guest *first = guests->first;
    take_out(guests, first);
    first->leaving = true;
    (void)shutdown(first->fd, SHUT_RDWR); /* fails if the peer has reset it: gone as well */
}

struct guest *guests_enter(struct guests *guests, int fd)
{
    struct guest *guest = calloc(1, sizeof(*guest));
    if (!guest)
        return NULL;
    guest->fd = fd;
    if (guests->count == guests->max)
        make_way(guests);
    add_last(guests, guest);
    return guest;
}

void guests_asked(struct guests *guests, struct guest *guest)
{
    if (!guest || guest->leaving)
        return;
    take_out(guests, guest);
    add_last(guests, guest);
}

void guests_leave(struct guests *guests, struct guest *guest)
{
    if (guest && !guest->leaving)
        take_out(guests, guest);
    free(guest);
}
