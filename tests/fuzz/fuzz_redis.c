/* Sends any bytes as the answer to GET, over a unix socket. The result must be a record within the
 * size limits or a failure with a message, and must come before the deadline. */
#include "server/lib/sessions/redis.h"

#ifdef HAVE_HIREDIS
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { DEADLINE_MS = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sockaddr_un place = {.sun_family = AF_UNIX};
static int listener = -1;

struct answer {
    const uint8_t *data;
    size_t size;
};

static void listen_once(void)
{
    if (listener >= 0)
        return;
    (void)snprintf(place.sun_path, sizeof(place.sun_path), "/tmp/fuzz-redis-%d", (int)getpid());
    (void)unlink(place.sun_path);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&place, sizeof(place)) || listen(listener, 16))
        abort();
}

static void *serve(void *arg)
{
    const struct answer *answer = arg;
    char question[256];
    int fd = accept(listener, NULL, NULL);
    if (fd < 0 || recv(fd, question, sizeof(question), 0) <= 0)
        abort();
    (void)send(fd, answer->data, answer->size, MSG_NOSIGNAL); /* it may be gone by then */
    close(fd);
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char record[STORE_RECORD];
    struct answer answer = {data, size};
    struct error_text problem = {.text = ""};
    struct error_text error;
    const struct store_key key = {{1}};
    pthread_t thread;
    size_t got = 0;
    listen_once();
    const struct config_sessions where = {.kind = CONFIG_SESSIONS_REDIS, .path = place.sun_path};
    struct store *store = store_redis_new(&where, DEADLINE_MS, &error);
    if (!store || pthread_create(&thread, NULL, serve, &answer))
        abort();
    enum store_result result = store_get(store, &key, record, &got, &problem);
    pthread_join(thread, NULL);
    if (result == STORE_DONE && (got > STORE_RECORD || got + 5 > size || data[0] != '$'))
        abort();
    if (result == STORE_DONE && got && !memmem(data, size, record, got))
        abort();
    if (result == STORE_FAILED && !problem.text[0])
        abort();
    store_free(store);
    return 0;
}
#endif
