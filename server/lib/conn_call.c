/* What the calls of a connection begin and end with: the relay learns of the call, and the user of
 * events. */
#include "relay/lock.h"
#include "server/lib/conn_internal.h"

void conn_enter(actpass_conn *conn)
{
    relay_enter(conn->relay);
}

void conn_leave(actpass_conn *conn)
{
    relay_leave(conn->relay);
}

void conn_notify(actpass_conn *conn, actpass_event event)
{
    if (conn->config->on_event)
        conn->config->on_event(conn, event, conn->config->on_event_arg);
}

void conn_notify_role(actpass_conn *conn)
{
    if (relay_verdict(conn->relay).role == ROLE_AUTO)
        return;
    lock_take(&conn->role_lock);
    if (!conn->role_notified)
        conn_notify(conn, ACTPASS_EVENT_ROLE);
    conn->role_notified = true;
    lock_release(&conn->role_lock);
}
