/* A chat between two terminals over TLS. Both may send lines at the same time.
 *
 *     chat connect HOST:PORT CERTIFICATE KEY CA PEER_NAME
 *     chat listen  HOST:PORT CERTIFICATE KEY CA PEER_NAME
 *
 * Either side may be started first: the one that connects tries again until the other one listens.
 * Which side connects does not decide which is the TLS server, so either may be behind a NAT or a
 * firewall. Both run the same code with the role left open, and the library decides it, even if
 * both send first at the same moment. The end of the input closes our direction. */
#include <actpass.h>

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void report(const char *why)
{
    fprintf(stderr, "chat: %s\n", why);
}

static actpass_config *configure(char **argv)
{
    actpass_config *config = actpass_config_new();
    /* Neither side knows its role. Each requires the other's certificate in either role. */
    if (config && actpass_config_set_role(config, ACTPASS_ROLE_AUTO) == 0 &&
        actpass_config_set_timeout(config, ACTPASS_INITIAL_DATA_TIMEOUT, 500) == 0 &&
        actpass_config_set_identity(config, argv[0], argv[1]) == 0 &&
        actpass_config_set_ca(config, argv[2]) == 0 &&
        actpass_config_add_peer_name(config, argv[3]) == 0 &&
        actpass_config_set_client_auth(config, ACTPASS_CLIENT_AUTH_REQUIRE) == 0)
        return config;
    report(config ? actpass_config_error(config) : "out of memory");
    actpass_config_free(config);
    return NULL;
}

/* ---- Connecting --------------------------------------------------------------------------- */

/* Returns the listening socket, or -1. */
static int listen_at(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    int on = 1;
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return -1;
    int fd = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
                    bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 1) != 0)) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static void say_where(int listener)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    char host[64], port[16];
    if (getsockname(listener, (struct sockaddr *)&address, &length) == 0 &&
        getnameinfo((struct sockaddr *)&address, length, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        fprintf(stderr, "chat: waiting at %s port %s\n", host, port);
}

/* Waits for one peer. While the chat lasts, nobody else can connect. Returns NULL after a message.
 */
static actpass_conn *wait_for_peer(actpass_config *config, const char *address)
{
    char host[256];
    const char *colon = strrchr(address, ':');
    if (!colon || (size_t)(colon - address) >= sizeof(host)) {
        report("the address must be HOST:PORT");
        return NULL;
    }
    memcpy(host, address, (size_t)(colon - address));
    host[colon - address] = '\0';
    int listener = listen_at(host, colon + 1);
    if (listener < 0) {
        perror("chat: cannot listen");
        return NULL;
    }
    say_where(listener);
    int fd = accept(listener, NULL, NULL);
    close(listener);
    if (fd < 0) {
        perror("chat: cannot accept");
        return NULL;
    }
    actpass_conn *conn = actpass_accept_fd(config, fd);
    if (!conn)
        report(actpass_config_error(config));
    return conn;
}

static actpass_conn *look_for_peer(actpass_config *config, const char *address)
{
    for (;;) {
        actpass_conn *conn = actpass_connect(config, address);
        if (conn)
            return conn;
        report(actpass_config_error(config));
        sleep(1);
    }
}

/* ---- Talking ------------------------------------------------------------------------------ */

/* Runs on a second thread: the library allows one reader and one writer on a connection. */
static void *print_lines(void *arg)
{
    actpass_conn *conn = arg;
    char buffer[4096];
    int64_t length = actpass_read(conn, buffer, sizeof(buffer));
    while (length > 0) {
        if (fwrite(buffer, 1, (size_t)length, stdout) != (size_t)length || fflush(stdout) != 0)
            perror("chat: cannot print a line");
        length = actpass_read(conn, buffer, sizeof(buffer));
    }
    if (length == 0)
        fprintf(stderr, "chat: the other side has said goodbye; end your input to leave\n");
    else
        report(actpass_error(conn));
    return NULL;
}

static void send_lines(actpass_conn *conn)
{
    char line[4096];
    while (fgets(line, sizeof(line), stdin))
        if (actpass_write(conn, line, strlen(line)) != 0)
            return;
    if (ferror(stdin))
        actpass_abort(conn); /* wakes print_lines, too */
    else
        (void)actpass_shutdown_write(conn); /* actpass_close reports a failure */
}

static int talk(actpass_conn *conn)
{
    if (actpass_handshake(conn) != 0)
        return -1;
    actpass_info_t info;
    actpass_info(conn, &info);
    fprintf(stderr, "chat: talking to %s at %s over %s; we are the TLS %s because of: %s\n",
            info.peer_subject, info.peer_address, info.protocol, actpass_role_name(info.role),
            actpass_cause_name(info.cause));
    pthread_t reader;
    if (pthread_create(&reader, NULL, print_lines, conn) != 0)
        return -1;
    send_lines(conn);
    return pthread_join(reader, NULL);
}

/* Did both sides send a ClientHello, and the peer does not support our rule for that? A second
 * attempt after a random delay will do. */
static int is_worth_another(actpass_conn *conn)
{
    actpass_info_t info;
    actpass_info(conn, &info);
    return info.cause == ACTPASS_CAUSE_GLARE_UNSUPPORTED;
}

static int chat(actpass_config *config, int listens, const char *address)
{
    for (;;) {
        actpass_conn *conn =
            listens ? wait_for_peer(config, address) : look_for_peer(config, address);
        if (!conn)
            return 1;
        (void)talk(conn);
        int again = is_worth_another(conn);
        actpass_end end = actpass_close(conn);
        if (end != ACTPASS_CLEAN)
            fprintf(stderr, "chat: %s: %s\n", actpass_end_name(end), actpass_error(conn));
        actpass_free(conn);
        if (!again)
            return end == ACTPASS_CLEAN ? 0 : 1;
        struct timespec now;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);              /* cannot fail */
        (void)usleep((useconds_t)(now.tv_nsec / 1000 % 900000)); /* sufficiently random */
    }
}

int main(int argc, char **argv)
{
    int listens = argc == 7 && strcmp(argv[1], "listen") == 0;
    if (argc != 7 || (!listens && strcmp(argv[1], "connect") != 0)) {
        fprintf(stderr, "usage: chat connect|listen HOST:PORT CERTIFICATE KEY CA PEER_NAME\n");
        return 2;
    }
    actpass_config *config = configure(argv + 3);
    if (!config)
        return 1;
    int status = chat(config, listens, argv[2]);
    actpass_config_free(config);
    return status;
}
