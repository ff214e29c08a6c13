/* What the admin listener shows of a connection: a copy, which needs the connection no more. Plain
 * data. */
#ifndef ACTPASS_SERVER_ADMIN_SNAPSHOT_H
#define ACTPASS_SERVER_ADMIN_SNAPSHOT_H

#include "server/include/actpass.h"

#include <stdbool.h>
#include <stdint.h>

enum snapshot_state {
    SNAPSHOT_WAITING, /* there is no role yet, or TLS has not begun (preface/) */
    SNAPSHOT_HANDSHAKE,
    SNAPSHOT_ESTABLISHED,
    SNAPSHOT_CLOSING, /* it has its close reason */
    SNAPSHOT_CLOSED,
    SNAPSHOT_STATES
};

/* What is known of a connection beside actpass_info. */
struct snapshot_origin {
    uint64_t number;     /* as in the log */
    const char *service; /* its name, which must outlive the snapshot */
    int64_t began_us;    /* CLOCK_MONOTONIC */
    bool dialed;
};

/* What is known of one whose TLS has not begun (preface/). */
struct snapshot_preface {
    const char *step; /* which step it is in, by the key in the configuration; lives for ever */
    char peer[80];
};

/* Texts are cut off where they do not fit. */
struct snapshot {
    struct snapshot_origin origin;
    enum snapshot_state state;
    const char *preface; /* WAITING: the step of its preface; NULL: TLS has begun */
    actpass_role role;
    actpass_cause cause;
    actpass_end end;
    bool resumed;
    uint64_t received, sent;
    /* From accept; -1: not reached. */
    int64_t first_byte_us, decided_us, hello_us, handshake_us, first_data_us, end_us;
    char peer[80], protocol[16], cipher[48], group[32], fingerprint[65];
    char alpn[64], server_name[128], subject[256];
    char error[320];
};

enum snapshot_state snapshot_state(const actpass_info_t *info);

/* Takes a copy of a connection that is open, in its preface, or, with what
 * actpass_error says, at its end. */
void snapshot_take(struct snapshot *snapshot, const struct snapshot_origin *origin,
                   const actpass_info_t *info);
void snapshot_take_preface(struct snapshot *snapshot, const struct snapshot_origin *origin,
                           const struct snapshot_preface *preface);
void snapshot_take_closed(struct snapshot *snapshot, const struct snapshot_origin *origin,
                          const actpass_info_t *info, const char *error);

#endif
