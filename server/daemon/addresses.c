#include "server/daemon/addresses.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct address {
    struct peer_key key; /* first member: the tree compares it */
    size_t open;
    size_t undecided;
    struct address_entry *oldest, *youngest; /* of the undecided connections */
    size_t place;                            /* index in the heap, from 0 */
};

/* The tree is that of tsearch(3), which is balanced, so no choice of addresses makes it slow. The
 * heap has all addresses; its top is the one whose connection makes way next. */
struct addresses {
    void *tree;
    struct address **heap;
    size_t count, room;
};

struct addresses *addresses_new(void)
{
    return calloc(1, sizeof(struct addresses));
}

void addresses_free(struct addresses *addresses)
{
    if (!addresses)
        return;
    free(addresses->heap);
    free(addresses);
}

static int compare(const void *left, const void *right)
{
    const struct peer_key *a = left;
    const struct peer_key *b = right;
    return memcmp(a->address, b->address, sizeof(a->address));
}

static struct address *find(struct addresses *addresses, const struct peer_key *key)
{
    void *found = tfind(key, &addresses->tree, compare);
    return found ? *(struct address **)found : NULL;
}

/* ---- The heap ------------------------------------------------------------------------------ */

static bool goes_before(const struct address *a, const struct address *b)
{
    if (a->undecided != b->undecided || !a->oldest || !b->oldest)
        return a->undecided > b->undecided;
    return a->oldest->since_us < b->oldest->since_us;
}

static void put(struct addresses *addresses, struct address *address, size_t place)
{
    addresses->heap[place] = address;
    address->place = place;
}

static void sift_up(struct addresses *addresses, struct address *address)
{
    size_t place = address->place;
    while (place > 0 && goes_before(address, addresses->heap[(place - 1) / 2])) {
        put(addresses, addresses->heap[(place - 1) / 2], place);
        place = (place - 1) / 2;
    }
    put(addresses, address, place);
}

static void sift_down(struct addresses *addresses, struct address *address)
{
    size_t place = address->place;
    for (size_t child = 2 * place + 1; child < addresses->count; child = 2 * place + 1) {
        struct address **heap = addresses->heap;
        if (child + 1 < addresses->count && goes_before(heap[child + 1], heap[child]))
            child++;
        if (!goes_before(heap[child], address))
            break;
        put(addresses, heap[child], place);
        place = child;
    }
    put(addresses, address, place);
}

static void reorder(struct addresses *addresses, struct address *address)
{
    sift_up(addresses, address);
    sift_down(addresses, address);
}

static bool make_room(struct addresses *addresses)
{
    if (addresses->count < addresses->room)
        return true;
    size_t room = addresses->room == 0 ? 16 : addresses->room * 2;
    struct address **heap = realloc(addresses->heap, room * sizeof(struct address *));
    if (!heap)
        return false;
    addresses->heap = heap;
    addresses->room = room;
    return true;
}

/* ---- Addresses ----------------------------------------------------------------------------- */

static struct address *begin(struct addresses *addresses, const struct peer_key *key)
{
    struct address *address = make_room(addresses) ? calloc(1, sizeof(*address)) : NULL;
    if (!address)
        return NULL;
    address->key = *key;
    if (!tsearch(address, &addresses->tree, compare)) {
        free(address);
        return NULL;
    }
    put(addresses, address, addresses->count++);
    return address;
}

static void end(struct addresses *addresses, struct address *address)
{
    struct address *last = addresses->heap[--addresses->count];
    if (last != address) {
        put(addresses, last, address->place);
        reorder(addresses, last);
    }
    (void)tdelete(address, &addresses->tree, compare);
    free(address);
}

bool addresses_add(struct addresses *addresses, struct address_entry *entry,
                   const struct peer_key *key, int64_t now_us)
{
    struct address *address = find(addresses, key);
    if (!address)
        address = begin(addresses, key);
    if (!address)
        return false;
    *entry = (struct address_entry){
        .address = address, .since_us = now_us, .undecided = true, .older = address->youngest};
    if (address->youngest)
        address->youngest->younger = entry;
    else
        address->oldest = entry;
    address->youngest = entry;
    address->open++;
    address->undecided++;
    reorder(addresses, address);
    return true;
}

void addresses_settle(struct addresses *addresses, struct address_entry *entry)
{
    struct address *address = entry->address;
    if (!entry->undecided)
        return;
    if (entry->older)
        entry->older->younger = entry->younger;
    else
        address->oldest = entry->younger;
    if (entry->younger)
        entry->younger->older = entry->older;
    else
        address->youngest = entry->older;
    entry->undecided = false;
    address->undecided--;
    reorder(addresses, address);
}

void addresses_remove(struct addresses *addresses, struct address_entry *entry)
{
    struct address *address = entry->address;
    if (!address)
        return;
    addresses_settle(addresses, entry);
    entry->address = NULL;
    address->open--;
    if (address->open == 0)
        end(addresses, address);
}

size_t addresses_open(struct addresses *addresses, const struct peer_key *key)
{
    const struct address *address = find(addresses, key);
    return address ? address->open : 0;
}

size_t addresses_most_undecided(const struct addresses *addresses)
{
    return addresses->count > 0 ? addresses->heap[0]->undecided : 0;
}

struct address_entry *addresses_first_to_go(const struct addresses *addresses)
{
    return addresses->count > 0 ? addresses->heap[0]->oldest : NULL;
}
