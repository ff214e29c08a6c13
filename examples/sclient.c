/* An interactive client: sclient of "An Introduction to OpenSSL Programming, part II" (Linux
 * Journal, October 2001), on actpass. It sends standard input to the server and, at the same time,
 * prints what the server sends.
 *
 *     sclient [-h HOST] [-p PORT] [-a CIPHERS] [--ca FILE] [-c CERTIFICATE [-k KEY]]
 *
 * The options are those of wclient. The end of the input (Ctrl-D) closes our direction only; the
 * server may go on. The status is 0 only if the server has sent close_notify, too. */
#include <actpass.h>

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { COPY_SIZE = 16384 };

struct options {
    const char *host, *port, *ca, *ciphers, *certificate, *key;
};

static bool read_options(int argc, char **argv, struct options *options)
{
    static const struct option longer[] = {{"ca", required_argument, NULL, 'A'}, {0}};
    *options = (struct options){.host = "localhost", .port = "4433", .ca = "system"};
    for (;;) {
        int option = getopt_long(argc, argv, "h:p:a:c:k:", longer, NULL);
        if (option == -1)
            break;
        const char **value = option == 'h'   ? &options->host
                             : option == 'p' ? &options->port
                             : option == 'a' ? &options->ciphers
                             : option == 'A' ? &options->ca
                             : option == 'c' ? &options->certificate
                             : option == 'k' ? &options->key
                                             : NULL;
        if (!value)
            return false;
        *value = optarg;
    }
    return optind == argc && (options->certificate || !options->key);
}

static actpass_config *configure(const struct options *options)
{
    actpass_config *config = actpass_config_new();
    const char *key = options->key ? options->key : options->certificate;
    if (config && actpass_config_set_role(config, ACTPASS_ROLE_CLIENT) == 0 &&
        actpass_config_set_ca(config, options->ca) == 0 &&
        actpass_config_add_peer_name(config, options->host) == 0 &&
        actpass_config_set_ciphers(config, options->ciphers, NULL) == 0 &&
        (!options->certificate ||
         actpass_config_set_identity(config, options->certificate, key) == 0))
        return config;
    fprintf(stderr, "sclient: %s\n", config ? actpass_config_error(config) : "out of memory");
    actpass_config_free(config);
    return NULL;
}

/* For "Multiplexed I/O" the article uses select, non-blocking reads, SSL_pending and four flags
 * (read_write.c). With a thread for each direction, blocking calls suffice: actpass allows one
 * reader and one writer at the same time, which OpenSSL alone does not. */
struct keyboard {
    actpass_conn *conn;
    int stop; /* an eventfd: becomes readable when the server has closed */
    bool failed;
};

/* Returns 0 if there is input or its end, -1 if the thread must stop. */
static int wait_for_input(const struct keyboard *keyboard)
{
    struct pollfd wanted[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                              {.fd = keyboard->stop, .events = POLLIN}};
    while (poll(wanted, 2, -1) < 0)
        if (errno != EINTR)
            return -1;
    return wanted[1].revents ? -1 : 0;
}

static void *send_what_is_typed(void *arg)
{
    struct keyboard *keyboard = arg;
    char buffer[COPY_SIZE];
    ssize_t length = 1;
    while (length != 0 && !keyboard->failed && wait_for_input(keyboard) == 0) {
        length = read(STDIN_FILENO, buffer, sizeof(buffer));
        if (length < 0 && errno == EINTR)
            continue;
        if (length > 0)
            keyboard->failed = actpass_write(keyboard->conn, buffer, (size_t)length) != 0;
        if (length == 0) /* the article's "Closure": sends close_notify; reading goes on */
            keyboard->failed = actpass_shutdown_write(keyboard->conn) != 0;
        if (length < 0) { /* this part of the input must not look like all of it */
            perror("sclient: cannot read the input");
            keyboard->failed = true;
            actpass_abort(keyboard->conn);
        }
    }
    return NULL;
}

/* Returns 0 only after the server's close_notify: a truncated answer must not pass for a whole one.
 */
static int show_what_comes(actpass_conn *conn)
{
    char buffer[COPY_SIZE];
    int64_t length = actpass_read(conn, buffer, sizeof(buffer));
    while (length > 0) {
        if (fwrite(buffer, 1, (size_t)length, stdout) != (size_t)length || fflush(stdout) != 0)
            return -1;
        length = actpass_read(conn, buffer, sizeof(buffer));
    }
    return length == 0 ? 0 : -1;
}

static int talk(actpass_conn *conn)
{
    pthread_t typing;
    uint64_t one = 1;
    struct keyboard keyboard = {.conn = conn, .stop = eventfd(0, EFD_CLOEXEC)};
    if (keyboard.stop < 0 || actpass_handshake(conn) != 0 ||
        pthread_create(&typing, NULL, send_what_is_typed, &keyboard) != 0) {
        if (keyboard.stop >= 0)
            close(keyboard.stop);
        return -1;
    }
    int status = show_what_comes(conn);
    if (write(keyboard.stop, &one, sizeof(one)) != sizeof(one))
        perror("sclient");
    pthread_join(typing, NULL);
    close(keyboard.stop);
    return keyboard.failed ? -1 : status;
}

static actpass_conn *dial(actpass_config *config, const struct options *options)
{
    char address[512];
    bool is_v6 = strchr(options->host, ':');
    snprintf(address, sizeof(address), is_v6 ? "[%s]:%s" : "%s:%s", options->host, options->port);
    actpass_conn *conn = actpass_connect(config, address);
    if (!conn)
        fprintf(stderr, "sclient: %s\n", actpass_config_error(config));
    return conn;
}

int main(int argc, char **argv)
{
    struct options options;
    if (!read_options(argc, argv, &options)) {
        fprintf(stderr, "usage: sclient [-h HOST] [-p PORT] [-a CIPHERS] [--ca FILE] "
                        "[-c CERTIFICATE [-k KEY]]\n");
        return 2;
    }
    actpass_config *config = configure(&options);
    actpass_conn *conn = config ? dial(config, &options) : NULL;
    if (!conn) {
        actpass_config_free(config);
        return 2;
    }
    int status = talk(conn);
    actpass_end end = actpass_close(conn);
    if (status != 0 || end != ACTPASS_CLEAN)
        fprintf(stderr, "sclient: %s: %s\n", actpass_end_name(end), actpass_error(conn));
    actpass_free(conn);
    actpass_config_free(config);
    return status == 0 && end == ACTPASS_CLEAN ? 0 : 1;
}
