#include "server/daemon/handlers/dialed.h"

#include <string.h>

enum { ADDRESS_MAX = 128 };

void dialed_keep_reason(void *arg, const char *address, const char *why)
{
    (void)address;
    (void)error_set(arg, "%s", why);
}

void dialed_set_source(struct dial *dial, const struct config_source *source, actpass_conn *conn,
                       struct sockaddr_storage *client)
{
    socklen_t size = sizeof(*client);
    dial->source.config = source;
    if (source->transparent &&
        actpass_peer_sockaddr(conn, (struct sockaddr *)(void *)client, &size) == 0)
        dial->source.client = client;
}

void dialed_note_address(struct handler_job *job, const struct candidate *winner, const char *said)
{
    char text[ADDRESS_MAX];
    candidate_print(winner, text, sizeof(text));
    if (strcmp(text, said) != 0 && !job->backend_address)
        job->backend_address = strdup(text);
}
