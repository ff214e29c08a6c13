#include "server/lib/dial/unix_address.h"

#include <stddef.h>
#include <string.h>

socklen_t unix_address_make(const char *path, struct sockaddr_un *address)
{
    size_t length = strlen(path);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (length > UNIX_PATH_MAX_BYTES)
        return 0;
    memcpy(address->sun_path, path, length);
    if (path[0] != '@')
        return sizeof(*address);
    address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}
