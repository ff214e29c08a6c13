#include "tests/support/meeting.h"

#include "tests/support/resources.h"

#include <openssl/conf.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char greeting[] = "hello";

static void must(bool fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "tests/support/meeting: %s\n", what);
    abort();
}

static int listen_at(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0 && strlen(path) < sizeof(name.sun_path), "a listener");
    memcpy(name.sun_path, path, strlen(path));
    (void)unlink(path);
    must(bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0 && listen(fd, 1) == 0, path);
    return fd;
}

/* Ends the side; TALKED: the conversation went well. */
static void finish(struct meeting_side *side, bool talked)
{
    side->up = talked;
    (void)actpass_close(side->conn);
    actpass_info(side->conn, &side->info);
}

static void greet(struct meeting_side *side, int fd)
{
    char byte;
    side->conn = actpass_accept_fd(side->config, fd);
    must(side->conn, actpass_config_error(side->config));
    if (side->prepare)
        side->prepare(side->conn, side->arg);
    finish(side, actpass_handshake(side->conn) == 0 &&
                     actpass_write(side->conn, greeting, sizeof(greeting)) == 0 &&
                     actpass_read(side->conn, &byte, 1) == 0);
}

static void *serve(void *arg)
{
    struct meeting *meeting = arg;
    int fd = meeting->path ? accept(meeting->fds[0], NULL, NULL) : meeting->fds[0];
    greet(&meeting->server, fd);
    if (meeting->path)
        close(meeting->fds[0]);
    return NULL;
}

static actpass_conn *connect_to(struct meeting *meeting)
{
    char address[128];
    if (!meeting->path)
        return actpass_accept_fd(meeting->client.config, meeting->fds[1]);
    (void)snprintf(address, sizeof(address), "unix:%s", meeting->path);
    return actpass_connect(meeting->client.config, address);
}

static void visit(struct meeting *meeting)
{
    char text[sizeof(greeting)];
    struct meeting_side *side = &meeting->client;
    side->conn = connect_to(meeting);
    must(side->conn, actpass_config_error(side->config));
    if (side->prepare)
        side->prepare(side->conn, side->arg);
    finish(side, actpass_handshake(side->conn) == 0 &&
                     actpass_read(side->conn, text, sizeof(text)) == (int64_t)sizeof(greeting));
}

void meeting_only_tls12(void)
{
    static const char text[] = "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n"
                               "[c]\nMaxProtocol = TLSv1.2\n";
    BIO *bio = BIO_new_mem_buf(text, -1);
    CONF *conf = NCONF_new(NULL);
    long line;
    must(bio && conf && NCONF_load_bio(conf, bio, &line) == 1 &&
             CONF_modules_load(conf, NULL, 0) == 1,
         "an openssl.cnf");
    NCONF_free(conf);
    BIO_free(bio);
}

void meeting_run(struct meeting *meeting)
{
    pthread_t thread;
    if (meeting->path)
        meeting->fds[0] = listen_at(meeting->path);
    else
        sockets_unix(meeting->fds);
    must(pthread_create(&thread, NULL, serve, meeting) == 0, "pthread_create");
    visit(meeting);
    must(pthread_join(thread, NULL) == 0, "pthread_join");
}

void meeting_end(struct meeting *meeting)
{
    actpass_free(meeting->client.conn);
    actpass_free(meeting->server.conn);
    meeting->client.conn = meeting->server.conn = NULL;
}
