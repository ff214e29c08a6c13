/* The smallest server on the library: one port for TLS clients and for devices that call home.
 *
 *     embed CONFIGURATION.json
 *
 * It listens on a free port of 127.0.0.1 by itself, takes the TLS settings of the first service of
 * the configuration, tells each peer which part it has, and says goodbye. */
#include <actpass.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* One connection, on a thread of its own: everything here may block, within the timeouts. */
static void *converse(void *arg)
{
    actpass_conn *conn = arg;
    if (actpass_handshake(conn) == 0) { /* waits for the first bytes, or for silence */
        actpass_info_t info;
        actpass_info(conn, &info);
        char text[128];
        int length = snprintf(text, sizeof(text), "I am the TLS %s, because of: %s.\n",
                              actpass_role_name(info.role), actpass_cause_name(info.cause));
        (void)actpass_write(conn, text, (size_t)length); /* if it fails, actpass_close knows */
    }
    actpass_end end = actpass_close(conn);
    printf("%s %s\n", actpass_end_name(end), actpass_error(conn));
    actpass_free(conn);
    return NULL;
}

static int listen_on_loopback(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        perror("embed: cannot listen");
        return -1;
    }
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    return fd;
}

static int serve(actpass_config *config, int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
            perror("embed: accept");
            sleep(1); /* out of descriptors, for example: some come free */
            continue;
        }
        actpass_conn *conn = actpass_accept_fd(config, fd); /* takes the socket in any case */
        if (!conn) {
            fprintf(stderr, "embed: %s\n", actpass_config_error(config));
            return 1;
        }
        pthread_t thread;
        if (pthread_create(&thread, NULL, converse, conn) == 0)
            pthread_detach(thread);
        else
            actpass_free(conn);
    }
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    actpass_config *config = actpass_config_new();
    if (argc != 2 || !config) {
        fprintf(stderr, "usage: embed CONFIGURATION.json\n");
        return 2;
    }
    if (actpass_config_load(config, argv[1], NULL) != 0) {
        fprintf(stderr, "%s\n", actpass_config_error(config));
        return 2;
    }
    int listener = listen_on_loopback();
    return listener < 0 ? 1 : serve(config, listener);
}
