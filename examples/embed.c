/* The smallest server on the library: one port for TLS clients and for devices that call home.
 *
 *     embed CONFIGURATION.json
 *
 * It takes the TLS settings of the first service of the configuration, but listens on a free port
 * of 127.0.0.1. It sends each peer its own TLS role, and closes the connection. */
#include "common/loopback.h"

#include <actpass.h>

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

/* Serves one connection, on a thread of its own. Every call may block, but no longer than the
 * timeouts of the configuration. */
static void *converse(void *arg)
{
    actpass_conn *conn = arg;
    if (actpass_handshake(conn) == 0) { /* waits for the peer's first bytes, or for the timeout */
        actpass_info_t info;
        actpass_info(conn, &info);
        char text[128];
        int length = snprintf(text, sizeof(text), "I am the TLS %s, because of: %s.\n",
                              actpass_role_name(info.role), actpass_cause_name(info.cause));
        (void)actpass_write(conn, text, (size_t)length); /* actpass_close reports a failure */
    }
    actpass_end end = actpass_close(conn);
    printf("%s %s\n", actpass_end_name(end), actpass_error(conn));
    actpass_free(conn);
    return NULL;
}

/* Returns only when the configuration turns out to be unusable. */
static void serve(actpass_config *config, int listener)
{
    for (;;) {
        /* actpass_accept_fd takes the socket, even if it fails. */
        actpass_conn *conn = actpass_accept_fd(config, loopback_accept(listener));
        if (!conn) {
            fprintf(stderr, "embed: %s\n", actpass_config_error(config));
            return;
        }
        pthread_t thread;
        if (pthread_create(&thread, NULL, converse, conn) == 0)
            (void)pthread_detach(thread); /* cannot fail: it was just made */
        else
            actpass_free(conn);
    }
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 2) {
        fprintf(stderr, "usage: embed CONFIGURATION.json\n");
        return 2;
    }
    actpass_config *config = actpass_config_new();
    int listener = -1;
    if (!config)
        fprintf(stderr, "embed: out of memory\n");
    else if (actpass_config_load(config, argv[1], NULL) != 0)
        fprintf(stderr, "embed: %s\n", actpass_config_error(config));
    else
        listener = loopback_listen(0);
    if (listener >= 0) {
        serve(config, listener);
        close(listener);
    }
    actpass_config_free(config);
    return listener < 0 ? 2 : 1;
}
