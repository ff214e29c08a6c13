#include "server/daemon/handed.h"

#include "server/daemon/inherited.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct handed {
    struct socket_handed {
        char *what;
        enum listener_owner owner;
        int fd; /* -1: taken */
    } * sockets;
    size_t count;
};

struct handed *handed_new(void)
{
    return calloc(1, sizeof(struct handed));
}

void handed_free(struct handed *handed)
{
    if (!handed)
        return;
    for (size_t i = 0; i < handed->count; i++) {
        if (handed->sockets[i].fd >= 0)
            close(handed->sockets[i].fd);
        free(handed->sockets[i].what);
    }
    free(handed->sockets);
    free(handed);
}

bool handed_add(struct handed *handed, const char *what, enum listener_owner owner, int fd)
{
    char *copy = strdup(what);
    struct socket_handed *sockets =
        copy ? reallocarray(handed->sockets, handed->count + 1, sizeof(*sockets)) : NULL;
    if (!sockets) {
        free(copy);
        close(fd);
        return false;
    }
    sockets[handed->count++] = (struct socket_handed){.what = copy, .owner = owner, .fd = fd};
    handed->sockets = sockets;
    return true;
}

static struct listener *use(struct socket_handed *socket, struct error_text *error)
{
    int fd = socket->fd;
    socket->fd = -1;
    return listener_receive(fd, socket->owner, error);
}

/* Any port is another port for each service. */
struct listener *handed_take(struct handed *handed, const char *what,
                             const struct config_address *address, struct error_text *error)
{
    bool any_port = address->kind == CONFIG_ADDRESS_TCP && address->port == 0;
    for (int same_name = 1; same_name >= (any_port ? 1 : 0); same_name--)
        for (size_t i = 0; i < handed->count; i++) {
            struct socket_handed *socket = &handed->sockets[i];
            bool fits = socket->fd >= 0 && (!same_name || strcmp(socket->what, what) == 0) &&
                        inherited_fits(socket->fd, address, error);
            if (fits)
                return use(socket, error);
            if (error->text[0] != '\0')
                return NULL;
        }
    return NULL;
}

void handed_end(struct handed *handed)
{
    for (size_t i = 0; handed && i < handed->count; i++) {
        struct error_text error;
        struct listener *left =
            handed->sockets[i].fd >= 0 ? use(&handed->sockets[i], &error) : NULL;
        if (left)
            listener_own(left);
        listener_close(left);
    }
    handed_free(handed);
}
