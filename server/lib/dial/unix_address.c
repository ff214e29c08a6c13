#include "server/lib/dial/unix_address.h"

#include <string.h>
#include <sys/socket.h>

bool unix_address_make(const char *path, struct sockaddr_un *address)
{
    size_t length = strlen(path);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (length > UNIX_PATH_MAX_BYTES)
        return false;
    memcpy(address->sun_path, path, length);
    return true;
}
