#include "threads.h"

#include "loopback.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct start {
    void (*serve)(actpass_conn *conn);
    actpass_conn *conn;
};

static void print_event(actpass_conn *conn, actpass_event event, void *unused)
{
    (void)unused;
    actpass_info_t info;
    actpass_info(conn, &info);
    if (event == ACTPASS_EVENT_ROLE)
        printf("event=role conn=%p role=%s cause=%s after_ms=%lld peer=%s\n", (void *)conn,
               actpass_role_name(info.role), actpass_cause_name(info.cause),
               (long long)info.decided_us / 1000, info.peer_address);
    if (event == ACTPASS_EVENT_CLOSE)
        printf("event=close conn=%p reason=%s rx=%llu tx=%llu\n", (void *)conn,
               actpass_end_name(info.end), (unsigned long long)info.received,
               (unsigned long long)info.sent);
}

static void *run(void *arg)
{
    struct start start = *(struct start *)arg;
    free(arg);
    if (actpass_handshake(start.conn) == 0)
        start.serve(start.conn);
    (void)actpass_close(start.conn); /* print_event prints the reason */
    actpass_free(start.conn);
    return NULL;
}

static void start_thread(actpass_conn *conn, void (*serve)(actpass_conn *conn))
{
    pthread_t thread;
    struct start *start = malloc(sizeof(*start));
    if (start)
        *start = (struct start){.serve = serve, .conn = conn};
    if (start && pthread_create(&thread, NULL, run, start) == 0) {
        (void)pthread_detach(thread); /* cannot fail: it was just made, and nobody joins it */
        return;
    }
    free(start);
    actpass_free(conn); /* resets it */
}

static void accept_all(actpass_config *config, int listener, void (*serve)(actpass_conn *conn))
{
    /* actpass_accept_fd takes the socket, even if it fails. */
    actpass_conn *conn = actpass_accept_fd(config, loopback_accept(listener));
    while (conn) {
        start_thread(conn, serve);
        conn = actpass_accept_fd(config, loopback_accept(listener));
    }
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, actpass_config_error(config));
}

int threads_serve(const char *file, void *data, void (*serve)(actpass_conn *conn))
{
    actpass_config *config = actpass_config_new();
    int listener = -1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!config || actpass_config_load(config, file, NULL) != 0 ||
        actpass_config_set_user_data(config, data) != 0 ||
        actpass_on_event(config, print_event, NULL) != 0)
        fprintf(stderr, "%s: %s\n", program_invocation_short_name,
                config ? actpass_config_error(config) : "out of memory");
    else
        listener = loopback_listen(0);
    if (listener >= 0) {
        accept_all(config, listener, serve);
        close(listener);
    }
    actpass_config_free(config);
    return 2;
}
