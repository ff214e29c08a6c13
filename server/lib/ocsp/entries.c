#include "server/lib/ocsp/entries.h"

#include <stdlib.h>
#include <string.h>

static struct entry **bucket_of(const struct entries *entries, const uint8_t key[OCSP_KEY_SIZE])
{
    return (struct entry **)&entries->buckets[(key[0] << 8 | key[1]) % ENTRIES_BUCKETS];
}

struct entry *entries_find(const struct entries *entries, const uint8_t key[OCSP_KEY_SIZE])
{
    struct entry *entry = *bucket_of(entries, key);
    while (entry && memcmp(entry->key, key, OCSP_KEY_SIZE) != 0)
        entry = entry->next;
    return entry;
}

/* ---- Those that may make room ---------------------------------------------------------------- */

static void unlist(struct entries *entries, struct entry *entry)
{
    if (!entry->listed)
        return;
    *(entry->newer ? &entry->newer->older : &entries->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &entries->oldest) = entry->newer;
    entry->listed = false;
}

static void list(struct entries *entries, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = entries->newest;
    *(entry->older ? &entry->older->newer : &entries->oldest) = entry;
    entries->newest = entry;
    entry->listed = true;
}

static void count(struct entries *entries, struct entry *entry)
{
    bool followed = entry->followers;
    if (followed && !entry->followed)
        entries->peers--;
    else if (!followed && entry->followed)
        entries->peers++;
    entry->followed = followed;
}

void entries_note(struct entries *entries, struct entry *entry)
{
    count(entries, entry);
    unlist(entries, entry);
    if (entry->followers || entry->state != ENTRY_RESTS)
        return;
    ocsp_question_free(entry->question); /* who asks again brings another one */
    entry->question = NULL;
    list(entries, entry);
}

/* ---- New and free -------------------------------------------------------------------------- */

static void free_entry(struct entry *entry)
{
    ocsp_question_free(entry->question);
    ocsp_answer_free(&entry->answer);
    free(entry);
}

static void remove_entry(struct entries *entries, struct entry *entry)
{
    struct entry **at = bucket_of(entries, entry->key);
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    unlist(entries, entry);
    entries->peers--;
    free_entry(entry);
}

static struct entry *add(struct entries *entries, const uint8_t key[OCSP_KEY_SIZE])
{
    if (entries->peers >= ENTRIES_PEERS_MAX && entries->oldest)
        remove_entry(entries, entries->oldest);
    struct entry *entry = entries->peers < ENTRIES_PEERS_MAX ? calloc(1, sizeof(*entry)) : NULL;
    if (!entry)
        return NULL;
    memcpy(entry->key, key, OCSP_KEY_SIZE);
    entry->next = *bucket_of(entries, key);
    *bucket_of(entries, key) = entry;
    entries->peers++;
    list(entries, entry);
    return entry;
}

struct entry *entries_get(struct entries *entries, const uint8_t key[OCSP_KEY_SIZE])
{
    struct entry *entry = entries_find(entries, key);
    return entry ? entry : add(entries, key);
}

void entries_free(struct entries *entries)
{
    for (size_t i = 0; i < ENTRIES_BUCKETS; i++)
        while (entries->buckets[i]) {
            struct entry *next = entries->buckets[i]->next;
            free_entry(entries->buckets[i]);
            entries->buckets[i] = next;
        }
}
