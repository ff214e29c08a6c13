/* The registry: what is noted of one connection. */
#include "server/daemon/registry_internal.h"

#include "relay/clock.h"

#include <stdio.h>

void registry_attach(struct registry *registry, struct registry_entry *entry, actpass_conn *conn)
{
    lock_take(&registry->lock);
    entry->conn = conn;
    entry->in_preface = false;
    if (entry->cancelled)
        actpass_abort(conn);
    lock_release(&registry->lock);
}

void registry_enter_preface(struct registry *registry, struct registry_entry *entry,
                            struct snapshot_preface *preface)
{
    lock_take(&registry->lock);
    entry->in_preface = true;
    entry->preface = preface;
    lock_release(&registry->lock);
}

void registry_note_preface(struct registry *registry, struct registry_entry *entry,
                           const char *step, const char *peer)
{
    lock_take(&registry->lock);
    if (entry->preface) {
        entry->preface->step = step;
        (void)snprintf(entry->preface->peer, sizeof(entry->preface->peer), "%s", peer);
    }
    lock_release(&registry->lock);
}

void registry_forget_preface(struct registry *registry, struct registry_entry *entry)
{
    lock_take(&registry->lock);
    entry->preface = NULL;
    lock_release(&registry->lock);
}

bool registry_is_cancelled(struct registry *registry, const struct registry_entry *entry)
{
    lock_take(&registry->lock);
    bool cancelled = entry->cancelled;
    lock_release(&registry->lock);
    return cancelled;
}

/* The lock is held. */
static enum registry_moved move(struct registry_entry *entry, const struct peer_key *address,
                                uint64_t max)
{
    struct addresses *addresses = entry->service->addresses;
    bool undecided = entry->from.undecided;
    addresses_remove(addresses, &entry->from); /* first: it may be the same address */
    if (max > 0 && addresses_open(addresses, address) >= max)
        return REGISTRY_TOO_MANY;
    if (!addresses_add(addresses, &entry->from, address, clock_now_us()))
        return REGISTRY_NO_MEMORY;
    if (!undecided)
        addresses_settle(addresses, &entry->from);
    return REGISTRY_MOVED;
}

enum registry_moved registry_move(struct registry *registry, struct registry_entry *entry,
                                  const struct peer_key *address, uint64_t max)
{
    lock_take(&registry->lock);
    enum registry_moved moved = move(entry, address, max);
    lock_release(&registry->lock);
    return moved;
}

void registry_set_task(struct registry *registry, struct registry_entry *entry, struct task *task)
{
    lock_take(&registry->lock);
    entry->task = task;
    lock_release(&registry->lock);
}

void registry_decided(struct registry *registry, struct registry_entry *entry)
{
    lock_take(&registry->lock);
    entry->decided = true;
    lock_release(&registry->lock);
}

void registry_established(struct registry *registry, struct registry_entry *entry)
{
    lock_take(&registry->lock);
    addresses_settle(entry->service->addresses, &entry->from);
    lock_release(&registry->lock);
}

bool registry_made_way(struct registry *registry, const struct registry_entry *entry)
{
    lock_take(&registry->lock);
    bool made_way = entry->made_way;
    lock_release(&registry->lock);
    return made_way;
}

void registry_count_bytes(struct registry *registry, struct registry_entry *entry,
                          const actpass_info_t *info)
{
    lock_take(&registry->lock);
    stats_bytes(entry->stats, info, &entry->counted);
    lock_release(&registry->lock);
}
