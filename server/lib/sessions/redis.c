#include "server/lib/sessions/redis.h"

#include "relay/clock.h"
#include "relay/lock.h"
#include "server/lib/base/error.h"
#include "server/lib/redis/link.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Connections that are kept, and the maximum of those that are open at once. */
enum { KEEP = 16, MAX_OPEN = 128, NAME = 80 };

struct redis {
    struct store base;
    struct redis_place *place;
    int64_t deadline_ms;

    pthread_mutex_t lock; /* guards what follows; never held while anything waits */
    struct redis_link *kept[KEEP];
    size_t kept_count, open_count;
    int64_t pause_until_us;
    struct error_text pause_reason;
};

struct command {
    int count;
    const char *words[4];
    size_t sizes[4];
};

/* ---- Connections -------------------------------------------------------------------------- */

/* May we ask now? Then *LINK is a connection that was kept, or NULL: open one. */
static bool admit(struct redis *redis, struct redis_link **link, struct error_text *problem)
{
    bool may = false;
    *link = NULL;
    lock_take(&redis->lock);
    if (clock_now_us() < redis->pause_until_us) {
        *problem = redis->pause_reason;
    } else if (redis->kept_count > 0) {
        *link = redis->kept[--redis->kept_count];
        may = true;
    } else if (redis->open_count == MAX_OPEN) {
        store_fail(problem, "sessions in Redis: %d questions are open: it is too slow", MAX_OPEN);
    } else {
        redis->open_count++;
        may = true;
    }
    lock_release(&redis->lock);
    return may;
}

static void keep(struct redis *redis, struct redis_link *link)
{
    lock_take(&redis->lock);
    bool full = redis->kept_count == KEEP;
    if (full)
        redis->open_count--;
    else
        redis->kept[redis->kept_count++] = link;
    lock_release(&redis->lock);
    if (full)
        redis_link_close(link);
}

/* Until the pause is over, calls fail with the same error. */
static void pause_it(struct redis *redis, const struct error_text *problem)
{
    lock_take(&redis->lock);
    redis->open_count--;
    redis->pause_until_us = clock_deadline_ms(REDIS_PAUSE_MS);
    redis->pause_reason = *problem;
    lock_release(&redis->lock);
}

/* After one kept connection was found dead, the others are dead, too. */
static void drop_kept(struct redis *redis)
{
    struct redis_link *dead[KEEP];
    lock_take(&redis->lock);
    size_t count = redis->kept_count;
    memcpy(dead, redis->kept, count * sizeof(*dead));
    redis->kept_count = 0;
    redis->open_count -= count;
    lock_release(&redis->lock);
    for (size_t i = 0; i < count; i++)
        redis_link_close(dead[i]);
}

/* ---- Commands ----------------------------------------------------------------------------- */

static redisReply *try_link(struct redis_link *link, const struct command *command,
                            int64_t deadline_us, struct error_text *problem)
{
    return link ? redis_link_ask(link, command->count, command->words, command->sizes, deadline_us,
                                 problem)
                : NULL;
}

/* A kept connection is dead after a restart of Redis; then a new one is tried within the same
 * deadline. */
static redisReply *ask(struct redis *redis, const struct command *command,
                       struct error_text *problem)
{
    struct redis_link *link;
    int64_t deadline_us = clock_deadline_ms(redis->deadline_ms);
    if (!admit(redis, &link, problem))
        return NULL;
    redisReply *reply = try_link(link, command, deadline_us, problem);
    if (!reply && link) {
        drop_kept(redis);
        redis_link_close(link);
        link = NULL;
    }
    if (!reply && clock_now_us() < deadline_us) {
        link = redis_link_open(redis->place, deadline_us, problem);
        reply = try_link(link, command, deadline_us, problem);
    }
    if (reply) {
        keep(redis, link);
        return reply;
    }
    redis_link_close(link);
    pause_it(redis, problem);
    return NULL;
}

/* "actpass:" and the key in hex, so that an administrator sees which program owns a record. */
static size_t name_record(const struct store_key *key, char name[NAME])
{
    int size = snprintf(name, NAME, "actpass:");
    for (size_t i = 0; i < STORE_KEY; i++)
        size += snprintf(name + size, NAME - (size_t)size, "%02x", key->bytes[i]);
    return (size_t)size;
}

/* Redis answered with an error: out of memory, read-only, still loading. It can be asked again. */
static enum store_result refused(const redisReply *reply, struct error_text *problem)
{
    if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOAUTH", 6) == 0)
        return store_fail(problem, "sessions in Redis: it wants a password: set "
                                   "sessions_password_file");
    return store_fail(problem, "sessions in Redis: it refuses: %.150s",
                      reply->type == REDIS_REPLY_ERROR ? reply->str : "an unexpected answer");
}

static enum store_result put(struct store *store, const struct store_key *key, const void *data,
                             size_t size, int64_t lifetime_s, struct error_text *problem)
{
    char name[NAME], lifetime[24];
    struct command command = {4, {"SETEX", name, lifetime, data}, {5, 0, 0, size}};
    command.sizes[1] = name_record(key, name);
    command.sizes[2] = (size_t)snprintf(lifetime, sizeof(lifetime), "%lld", (long long)lifetime_s);
    redisReply *reply = ask((struct redis *)store, &command, problem);
    if (!reply)
        return STORE_FAILED;
    enum store_result result =
        reply->type == REDIS_REPLY_STATUS ? STORE_DONE : refused(reply, problem);
    freeReplyObject(reply);
    return result;
}

static enum store_result get(struct store *store, const struct store_key *key, void *buffer,
                             size_t *size, struct error_text *problem)
{
    char name[NAME];
    struct command command = {2, {"GET", name}, {3, 0}};
    command.sizes[1] = name_record(key, name);
    enum store_result result = STORE_MISS;
    redisReply *reply = ask((struct redis *)store, &command, problem);
    if (!reply)
        return STORE_FAILED;
    if (reply->type == REDIS_REPLY_STRING && (size_t)reply->len <= STORE_RECORD) {
        *size = (size_t)reply->len;
        memcpy(buffer, reply->str, *size);
        result = STORE_DONE;
    } else if (reply->type != REDIS_REPLY_NIL) {
        result = refused(reply, problem);
    }
    freeReplyObject(reply);
    return result;
}

static enum store_result take_out(struct store *store, const struct store_key *key,
                                  struct error_text *problem)
{
    char name[NAME];
    struct command command = {2, {"DEL", name}, {3, 0}};
    command.sizes[1] = name_record(key, name);
    redisReply *reply = ask((struct redis *)store, &command, problem);
    if (!reply)
        return STORE_FAILED;
    enum store_result result = refused(reply, problem);
    if (reply->type == REDIS_REPLY_INTEGER)
        result = reply->integer > 0 ? STORE_DONE : STORE_MISS;
    freeReplyObject(reply);
    return result;
}

/* ---- New and free ------------------------------------------------------------------------- */

static void free_redis(struct store *store)
{
    struct redis *redis = (struct redis *)store;
    drop_kept(redis);
    pthread_mutex_destroy(&redis->lock);
    redis_place_free(redis->place);
    free(redis);
}

struct store *store_redis_new(const struct config_sessions *where, int64_t deadline_ms,
                              struct error_text *error)
{
    static const struct store_calls calls = {put, get, take_out, free_redis};
    static const struct redis_words words = {"sessions in Redis", "sessions_password_file",
                                             "sessions_ca"};
    struct redis *redis = calloc(1, sizeof(*redis));
    if (!redis || pthread_mutex_init(&redis->lock, NULL)) {
        free(redis);
        error_set(error, "out of memory for sessions");
        return NULL;
    }
    redis->base.calls = &calls;
    redis->deadline_ms = deadline_ms;
    redis->place = redis_place_new(where, &words, error);
    if (redis->place)
        return &redis->base;
    free_redis(&redis->base);
    return NULL;
}
