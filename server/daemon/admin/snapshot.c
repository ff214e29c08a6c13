#include "server/daemon/admin/snapshot.h"

#include "relay/clock.h"

#include <stdio.h>

enum snapshot_state snapshot_state(const actpass_info_t *info)
{
    if (info->end != ACTPASS_OPEN)
        return SNAPSHOT_CLOSING;
    if (info->handshake_us >= 0)
        return SNAPSHOT_ESTABLISHED;
    return info->role == ACTPASS_ROLE_AUTO ? SNAPSHOT_WAITING : SNAPSHOT_HANDSHAKE;
}

static void copy(char *to, size_t size, const char *from)
{
    (void)snprintf(to, size, "%s", from); /* cut off: a part is better than nothing */
}

void snapshot_take(struct snapshot *snapshot, const struct snapshot_origin *origin,
                   const actpass_info_t *info)
{
    snapshot->origin = *origin;
    snapshot->state = snapshot_state(info);
    snapshot->preface = NULL;
    snapshot->role = info->role;
    snapshot->cause = info->cause;
    snapshot->end = info->end;
    snapshot->resumed = info->resumed;
    snapshot->received = info->received;
    snapshot->sent = info->sent;
    snapshot->first_byte_us = info->first_byte_us;
    snapshot->decided_us = info->decided_us;
    snapshot->hello_us = info->hello_us;
    snapshot->handshake_us = info->handshake_us;
    snapshot->first_data_us = info->first_data_us;
    snapshot->end_us = -1;
    snapshot->error[0] = '\0';
    copy(snapshot->peer, sizeof(snapshot->peer), info->peer_address);
    copy(snapshot->protocol, sizeof(snapshot->protocol), info->protocol);
    copy(snapshot->cipher, sizeof(snapshot->cipher), info->cipher);
    copy(snapshot->group, sizeof(snapshot->group), info->group);
    copy(snapshot->fingerprint, sizeof(snapshot->fingerprint), info->peer_fingerprint);
    copy(snapshot->alpn, sizeof(snapshot->alpn), info->alpn);
    copy(snapshot->server_name, sizeof(snapshot->server_name), info->server_name);
    copy(snapshot->subject, sizeof(snapshot->subject), info->peer_subject);
}

void snapshot_take_preface(struct snapshot *snapshot, const struct snapshot_origin *origin,
                           const struct snapshot_preface *preface)
{
    *snapshot = (struct snapshot){.origin = *origin,
                                  .state = SNAPSHOT_WAITING,
                                  .preface = preface->step,
                                  .role = ACTPASS_ROLE_AUTO,
                                  .cause = ACTPASS_CAUSE_UNDECIDED,
                                  .end = ACTPASS_OPEN,
                                  .first_byte_us = -1,
                                  .decided_us = -1,
                                  .hello_us = -1,
                                  .handshake_us = -1,
                                  .first_data_us = -1,
                                  .end_us = -1};
    copy(snapshot->peer, sizeof(snapshot->peer), preface->peer);
}

void snapshot_take_closed(struct snapshot *snapshot, const struct snapshot_origin *origin,
                          const actpass_info_t *info, const char *error)
{
    snapshot_take(snapshot, origin, info);
    snapshot->state = SNAPSHOT_CLOSED;
    snapshot->end_us = clock_now_us() - origin->began_us;
    copy(snapshot->error, sizeof(snapshot->error), error);
}
