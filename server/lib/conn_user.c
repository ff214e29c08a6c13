/* What the application has set for each connection: its pointer, and how its loop is woken. */
#include "server/lib/conn_internal.h"

int actpass_config_set_user_data(actpass_config *config, void *data)
{
    if (settings_changeable(config))
        return -1;
    config->user_data = data;
    return 0;
}

void actpass_set_user_data(actpass_conn *conn, void *data)
{
    conn->user_data = data;
}

void actpass_set_wake(actpass_conn *conn, void (*wake)(void *arg), void *arg)
{
    conn->wake = wake;
    conn->wake_arg = arg;
}

void *actpass_user_data(const actpass_conn *conn)
{
    return conn->user_data;
}
