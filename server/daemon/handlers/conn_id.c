#include "server/daemon/handlers/conn_id.h"

#include <stdio.h>

bool conn_id(actpass_conn *conn, char id[CONN_ID_SIZE])
{
    static const char label[] = "EXPORTER-actpass-id";
    unsigned char bytes[(CONN_ID_SIZE - 1) / 2];
    id[0] = '\0';
    if (actpass_export(conn, label, NULL, 0, bytes, sizeof(bytes)) != 0)
        return false;
    for (size_t i = 0; i < sizeof(bytes); i++)
        (void)snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    return true;
}
