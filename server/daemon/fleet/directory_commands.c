#include "server/daemon/fleet/directory_commands.h"

#include "relay/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = DIRECTORY_BATCH + 2 };

struct command {
    const char *words[WORDS];
    size_t sizes[WORDS];
    int count;
};

const struct redis_words directory_words = {
    .title = "the registry in Redis",
    .password_key = "registry_password_file",
    .ca_key = "registry_ca",
};

/* ---- Keys ------------------------------------------------------------------------------------ */

/* The braces let a cluster keep all keys of a pool on one node. */
static char *make_key(const char *pool, const char *address, const char *behind)
{
    char *key;
    int size =
        asprintf(&key, "actpass:{%s}%s%s%s", pool, address[0] != '\0' ? ":" : "", address, behind);
    return size < 0 ? NULL : key;
}

bool directory_keys_make(struct directory_keys *keys, const char *pool, const char *address,
                         int64_t expire_ms)
{
    *keys = (struct directory_keys){
        .address = address,
        .collectors = make_key(pool, "", ""),
        .own = make_key(pool, address, ""),
        .fresh = make_key(pool, address, ":fresh"),
    };
    (void)snprintf(keys->expire_ms, sizeof(keys->expire_ms), "%lld", (long long)expire_ms);
    return keys->collectors && keys->own && keys->fresh;
}

void directory_keys_free(struct directory_keys *keys)
{
    free(keys->collectors);
    free(keys->own);
    free(keys->fresh);
    *keys = (struct directory_keys){.address = NULL};
}

/* ---- To ask ---------------------------------------------------------------------------------- */

static void add_word(struct command *command, const char *word)
{
    command->words[command->count] = word;
    command->sizes[command->count++] = strlen(word);
}

/* What Redis is asked for; NULL with problem: it does not answer. */
static redisReply *ask_any(struct redis_link *link, const struct command *command,
                           struct error_text *problem)
{
    return redis_link_ask(link, command->count, command->words, command->sizes,
                          clock_deadline_ms(DIRECTORY_DEADLINE_MS), problem);
}

static void explain(const struct command *command, const redisReply *refusal,
                    struct error_text *problem)
{
    bool wants_password = strncmp(refusal->str, "NOAUTH", 6) == 0;
    if (wants_password)
        error_set(problem, "%s: it wants a password: set %s", directory_words.title,
                  directory_words.password_key);
    else
        error_set(problem, "%s: it refuses %s: %.150s", directory_words.title, command->words[0],
                  refusal->str);
}

/* The answer, which is no error. NULL with problem. */
static redisReply *ask(struct redis_link *link, const struct command *command,
                       struct error_text *problem)
{
    redisReply *reply = ask_any(link, command, problem);
    if (!reply || reply->type != REDIS_REPLY_ERROR)
        return reply;
    explain(command, reply, problem);
    freeReplyObject(reply);
    return NULL;
}

static bool do_ask(struct redis_link *link, const struct command *command,
                   struct error_text *problem)
{
    redisReply *reply = ask(link, command, problem);
    freeReplyObject(reply);
    return reply;
}

static bool ask_names(struct redis_link *link, const char *verb, const char *key,
                      char *const *names, size_t count, struct error_text *problem)
{
    struct command command = {.count = 0};
    add_word(&command, verb);
    add_word(&command, key);
    for (size_t i = 0; i < count && i < DIRECTORY_BATCH; i++)
        add_word(&command, names[i]);
    return do_ask(link, &command, problem);
}

/* A member of each set of names that is no name: as long as it is there, the set is complete. */
static char *const mark[] = {"."};

/* ---- Names that are here --------------------------------------------------------------------- */

bool directory_add_names(struct redis_link *link, const char *key, char *const *names, size_t count,
                         struct error_text *problem)
{
    return ask_names(link, "SADD", key, names, count, problem);
}

bool directory_remove_names(struct redis_link *link, const char *key, char *const *names,
                            size_t count, struct error_text *problem)
{
    return ask_names(link, "SREM", key, names, count, problem);
}

bool directory_begin_fresh(struct redis_link *link, const struct directory_keys *keys,
                           struct error_text *problem)
{
    return ask_names(link, "DEL", keys->fresh, NULL, 0, problem) &&
           directory_add_names(link, keys->fresh, mark, 1, problem);
}

static bool expire(struct redis_link *link, const char *key, const char *after_ms,
                   struct error_text *problem)
{
    struct command command = {.count = 0};
    add_word(&command, "PEXPIRE");
    add_word(&command, key);
    add_word(&command, after_ms);
    return do_ask(link, &command, problem);
}

bool directory_take_fresh(struct redis_link *link, const struct directory_keys *keys,
                          struct error_text *problem)
{
    struct command command = {.count = 0};
    add_word(&command, "RENAME");
    add_word(&command, keys->fresh);
    add_word(&command, keys->own);
    return expire(link, keys->fresh, keys->expire_ms, problem) && do_ask(link, &command, problem);
}

/* Was the mark in OWN already? If not, Redis has forgotten it, or knows a part of it only. */
static bool set_mark(struct redis_link *link, const struct directory_keys *keys, bool *there,
                     struct error_text *problem)
{
    struct command command = {.count = 0};
    add_word(&command, "SADD");
    add_word(&command, keys->own);
    add_word(&command, mark[0]);
    redisReply *reply = ask(link, &command, problem);
    *there = reply && reply->type == REDIS_REPLY_INTEGER && reply->integer == 0;
    freeReplyObject(reply);
    return reply;
}

bool directory_renew(struct redis_link *link, const struct directory_keys *keys, bool *there,
                     struct error_text *problem)
{
    static const char day_ms[] = "86400000";
    char *address[] = {(char *)keys->address};
    return directory_add_names(link, keys->collectors, address, 1, problem) &&
           expire(link, keys->collectors, day_ms, problem) &&
           set_mark(link, keys, there, problem) &&
           expire(link, keys->own, keys->expire_ms, problem);
}

bool directory_forget(struct redis_link *link, const struct directory_keys *keys,
                      struct error_text *problem)
{
    return ask_names(link, "DEL", keys->own, NULL, 0, problem);
}

/* ---- Names elsewhere ------------------------------------------------------------------------- */

/* One question, whatever the number of collectors. Begins with any of them, so that those that have
 * the same name share the work. pcall: a key of another type is nobody's, and hides no other. */
static const char find_script[] =
    "local all = redis.call('SMEMBERS', KEYS[1]) "
    "local from = tonumber(ARGV[3]) "
    "for i = 1, #all do "
    "  local at = all[(i + from) % #all + 1] "
    "  if at ~= ARGV[1] and redis.pcall('SISMEMBER', KEYS[1] .. ':' .. at, ARGV[2]) == 1 then "
    "    return at "
    "  end "
    "end "
    "return false";

/* *REPLY is to be freed, whatever is returned. */
static enum directory_look run_script(struct redis_link *link, const struct command *command,
                                      redisReply **reply, struct error_text *problem)
{
    *reply = ask_any(link, command, problem);
    if (!*reply)
        return DIRECTORY_FAILED;
    if ((*reply)->type != REDIS_REPLY_ERROR)
        return DIRECTORY_LOOKED;
    explain(command, *reply, problem);
    return DIRECTORY_REFUSED;
}

/* A script with the key of all collectors, and our address as the first argument. */
static struct command script_command(const struct directory_keys *keys, const char *script)
{
    struct command command = {.count = 0};
    add_word(&command, "EVAL");
    add_word(&command, script);
    add_word(&command, "1");
    add_word(&command, keys->collectors);
    add_word(&command, keys->address);
    return command;
}

enum directory_look directory_find(struct redis_link *link, const struct directory_keys *keys,
                                   const char *name, char address[DIRECTORY_ADDRESS_MAX],
                                   struct error_text *problem)
{
    char from[24];
    redisReply *reply;
    struct command command = script_command(keys, find_script);
    (void)snprintf(from, sizeof(from), "%lld", (long long)(clock_now_us() % 1000));
    add_word(&command, name);
    add_word(&command, from);
    address[0] = '\0';
    enum directory_look look = run_script(link, &command, &reply, problem);
    if (look == DIRECTORY_LOOKED && reply->type == REDIS_REPLY_STRING &&
        reply->len < DIRECTORY_ADDRESS_MAX)
        memcpy(address, reply->str, (size_t)reply->len + 1);
    freeReplyObject(reply);
    return look;
}

/* ---- Other collectors ------------------------------------------------------------------------ */

static const char count_script[] =
    "local all = redis.call('SMEMBERS', KEYS[1]) "
    "local count = 0 "
    "for i = 1, #all do "
    "  if all[i] ~= ARGV[1] then "
    "    count = count + redis.call('EXISTS', KEYS[1] .. ':' .. all[i]) "
    "  end "
    "end "
    "return count";

enum directory_look directory_count(struct redis_link *link, const struct directory_keys *keys,
                                    size_t *others, struct error_text *problem)
{
    redisReply *reply;
    const struct command command = script_command(keys, count_script);
    enum directory_look look = run_script(link, &command, &reply, problem);
    *others = look == DIRECTORY_LOOKED && reply->integer > 0 ? (size_t)reply->integer : 0;
    freeReplyObject(reply);
    return look;
}
