/* actpass_cancel, as actpass_connect_with uses it.
 *
 * Lock: cancel->lock is taken before the relay's lock, never after it. */
#ifndef ACTPASS_SERVER_LIB_CONN_CANCEL_H
#define ACTPASS_SERVER_LIB_CONN_CANCEL_H

#include "server/include/actpass.h"

#include <stdbool.h>

/* A connection whose handshake is to be aborted. The caller's memory, valid until it is removed. */
struct cancellable {
    actpass_conn *conn;
    struct cancellable *next;
};

/* A descriptor that becomes readable once it is cancelled; not to be read. -1 for NULL. */
int cancel_fd(const actpass_cancel *cancel);

/* Has actpass_cancel_now been called? False for NULL. */
bool cancel_is_set(actpass_cancel *cancel);

/* Aborts the connection when it is cancelled: at once, if it is already. CANCEL may be NULL. */
void cancel_add(actpass_cancel *cancel, struct cancellable *item);
void cancel_remove(actpass_cancel *cancel, struct cancellable *item);

#endif
