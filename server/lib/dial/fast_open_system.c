#include "server/lib/dial/fast_open_system.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { BIT_CLIENT = 1, BIT_SERVER = 2 }; /* ip-sysctl.rst */

bool fast_open_wanted(const struct config_connection *connection)
{
    return connection->tcp_fast_open && connection->role == CONFIG_ROLE_CLIENT &&
           connection->transport == CONFIG_TRANSPORT_RELAY;
}

const char *fast_open_forbidden(const char *sysctl, enum config_dialer dialer)
{
    unsigned long allowed = strtoul(sysctl, NULL, 0);
    if (dialer == CONFIG_WE_DIAL) {
        return (allowed & BIT_CLIENT) != 0
                   ? NULL
                   : "the system does not let it be used for dialing: sysctl -w "
                     "net.ipv4.tcp_fastopen=1 (3 for listening, too)";
    }
    return (allowed & BIT_SERVER) != 0
               ? NULL
               : "the system does not let it be used for listening: sysctl -w "
                 "net.ipv4.tcp_fastopen=3";
}

const char *fast_open_forbidden_here(enum config_dialer dialer)
{
    char text[32] = "";
    FILE *file = fopen("/proc/sys/net/ipv4/tcp_fastopen", "re");
    if (!file)
        return NULL; /* not known */
    bool read = fgets(text, sizeof(text), file);
    (void)fclose(file);
    return read ? fast_open_forbidden(text, dialer) : NULL;
}
