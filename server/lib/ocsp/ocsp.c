#include "server/lib/ocsp/ocsp.h"

#include "relay/clock.h"
#include "relay/lock.h"
#include "relay/threads.h"
#include "server/lib/ocsp/fetch.h"
#include "server/lib/ocsp/schedule.h"
#include "server/lib/ocsp/store.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { BUCKETS = 1024, STACK = 262144, KEEP_MS = 5000, PEER_FAILURE_MS = 30000 };

enum entry_state {
    ENTRY_RESTS,
    ENTRY_WANTED, /* by a handshake: as soon as there is a thread */
    ENTRY_ASKS    /* a thread fetches it, and keeps it alive */
};

/* What is known of one certificate. All but the first group is guarded by the lock. */
struct entry {
    uint8_t key[OCSP_KEY_SIZE];
    X509 *certificate, *issuer;
    struct ocsp_source *source;

    struct entry *next; /* in its bucket */
    struct ocsp_follower *followers;
    struct ocsp_answer answer;
    enum entry_state state;
    int64_t due_us;  /* with followers: when to fetch; else until when a failure counts */
    int64_t used_us; /* when a peer was last judged by it */
    unsigned failures;
    struct error_text error; /* of the last failure */
};

struct ocsp_follower {
    struct ocsp *ocsp;
    struct entry *entry;
    struct ocsp_follower *next;
    struct ocsp_report report;
    char *name;
};

struct ocsp {
    struct threads *threads;
    int cancel_fd; /* readable once it is to end */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct entry *buckets[BUCKETS];
    size_t peers;   /* entries that nobody follows */
    size_t fetches; /* that run */
    bool started, ending;
};

struct job {
    struct ocsp *ocsp;
    struct entry *entry;
};

static uint32_t chance(void)
{
    uint32_t number = 0;
    (void)RAND_bytes((unsigned char *)&number, sizeof(number)); /* else all come at once */
    return number;
}

/* ---- New and free -------------------------------------------------------------------------- */

struct ocsp *ocsp_new(void)
{
    struct ocsp *ocsp = calloc(1, sizeof(*ocsp));
    if (!ocsp)
        return NULL;
    ocsp->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (ocsp->cancel_fd < 0)
        goto out;
    ocsp->threads = threads_new(STACK, OCSP_FETCHES, KEEP_MS);
    if (!ocsp->threads)
        goto out_fd;
    if (pthread_mutex_init(&ocsp->lock, NULL))
        goto out_threads;
    if (clock_init_cond(&ocsp->changed) == 0)
        return ocsp;
    pthread_mutex_destroy(&ocsp->lock);
out_threads:
    threads_free(ocsp->threads);
out_fd:
    close(ocsp->cancel_fd);
out:
    free(ocsp);
    return NULL;
}

static void free_entry(struct entry *entry)
{
    X509_free(entry->certificate);
    X509_free(entry->issuer);
    ocsp_source_release(entry->source);
    ocsp_answer_free(&entry->answer);
    free(entry);
}

static void free_entries(struct ocsp *ocsp)
{
    for (size_t i = 0; i < BUCKETS; i++)
        while (ocsp->buckets[i]) {
            struct entry *next = ocsp->buckets[i]->next;
            free_entry(ocsp->buckets[i]);
            ocsp->buckets[i] = next;
        }
}

void ocsp_free(struct ocsp *ocsp)
{
    if (!ocsp)
        return;
    lock_take(&ocsp->lock);
    ocsp->ending = true;
    lock_broadcast(&ocsp->changed);
    lock_release(&ocsp->lock);
    (void)eventfd_write(ocsp->cancel_fd, 1);
    threads_free(ocsp->threads);
    free_entries(ocsp);
    pthread_cond_destroy(&ocsp->changed);
    pthread_mutex_destroy(&ocsp->lock);
    close(ocsp->cancel_fd);
    free(ocsp);
}

/* ---- Entries ------------------------------------------------------------------------------- */

static bool add_digest(EVP_MD_CTX *context, const X509 *certificate)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    return X509_digest(certificate, EVP_sha256(), digest, &size) == 1 &&
           EVP_DigestUpdate(context, digest, size) == 1;
}

/* The certificate, and whom we ask. */
static bool make_key(const struct ocsp_source *source, const X509 *certificate,
                     uint8_t key[OCSP_KEY_SIZE])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool made = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                add_digest(context, certificate) &&
                (!source->responder ||
                 EVP_DigestUpdate(context, source->responder, strlen(source->responder)) == 1) &&
                EVP_DigestFinal_ex(context, key, NULL) == 1;
    EVP_MD_CTX_free(context);
    return made;
}

static struct entry **bucket_of(struct ocsp *ocsp, const uint8_t key[OCSP_KEY_SIZE])
{
    return &ocsp->buckets[(key[0] << 8 | key[1]) % BUCKETS];
}

/* The lock is held. */
static struct entry *find_entry(struct ocsp *ocsp, const uint8_t key[OCSP_KEY_SIZE])
{
    struct entry *entry = *bucket_of(ocsp, key);
    while (entry && memcmp(entry->key, key, OCSP_KEY_SIZE) != 0)
        entry = entry->next;
    return entry;
}

static void remove_entry(struct ocsp *ocsp, struct entry *entry)
{
    struct entry **at = bucket_of(ocsp, entry->key);
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    ocsp->peers--;
    free_entry(entry);
}

/* Makes room for another peer: the one that was used longest ago goes. */
static void make_room(struct ocsp *ocsp)
{
    struct entry *oldest = NULL;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct entry *entry = ocsp->buckets[i]; entry; entry = entry->next)
            if (!entry->followers && entry->state == ENTRY_RESTS &&
                (!oldest || entry->used_us < oldest->used_us))
                oldest = entry;
    if (oldest)
        remove_entry(ocsp, oldest);
}

/* A peer's at first. NULL: no memory, or as many are asked about as there may be. */
static struct entry *add_entry(struct ocsp *ocsp, const uint8_t key[OCSP_KEY_SIZE],
                               struct ocsp_source *source, X509 *certificate, X509 *issuer)
{
    if (ocsp->peers >= OCSP_PEERS_MAX)
        make_room(ocsp);
    struct entry *entry = ocsp->peers < OCSP_PEERS_MAX ? calloc(1, sizeof(*entry)) : NULL;
    if (!entry)
        return NULL;
    memcpy(entry->key, key, OCSP_KEY_SIZE);
    entry->source = ocsp_source_hold(source);
    X509_up_ref(certificate);
    X509_up_ref(issuer);
    entry->certificate = certificate;
    entry->issuer = issuer;
    entry->used_us = clock_now_us();
    entry->next = *bucket_of(ocsp, key);
    *bucket_of(ocsp, key) = entry;
    ocsp->peers++;
    return entry;
}

/* ---- Fetching ------------------------------------------------------------------------------ */

static void report_to_all(const struct entry *entry, const char *format, const char *why)
{
    struct error_text text;
    for (const struct ocsp_follower *one = entry->followers; one; one = one->next) {
        if (!one->report.call)
            continue;
        error_set(&text, format, one->name, why);
        one->report.call(text.text, one->report.arg);
    }
}

static void schedule(struct entry *entry)
{
    int64_t wait_ms = entry->failures > 0 ? ocsp_retry_ms(entry->failures, chance())
                                          : ocsp_renew_ms((int64_t)time(NULL), entry->answer.from_s,
                                                          entry->answer.until_s, chance());
    entry->due_us = clock_deadline_ms(wait_ms);
}

static void take_answer(struct entry *entry, const struct ocsp_answer *answer)
{
    bool was_good =
        entry->failures == 0 && (!entry->answer.der || entry->answer.status == OCSP_GOOD);
    ocsp_answer_free(&entry->answer);
    entry->answer = *answer;
    if (answer->status != OCSP_GOOD && was_good)
        report_to_all(entry, "ocsp: %s: its CA says that it is %s, so nothing is stapled: renew it",
                      ocsp_status_text(answer->status));
    else if (answer->status == OCSP_GOOD && !was_good)
        report_to_all(entry, "ocsp: %s: there is a response again%s", "");
    entry->failures = 0;
    schedule(entry);
}

static void note_failure(struct entry *entry, const struct error_text *error)
{
    if (entry->failures++ == 0)
        report_to_all(entry, "ocsp: %s: no response can be fetched, which is tried again: %s",
                      error->text);
    entry->error = *error;
    schedule(entry);
    if (!entry->followers)
        entry->due_us = clock_deadline_ms(PEER_FAILURE_MS);
}

static void note_unwritten(const struct entry *entry, const struct error_text *error)
{
    report_to_all(entry, "ocsp: %s: its response is used, but not kept: %s", error->text);
}

/* What an entry holds besides its answer is constant, so it is read without the lock. */
static void fetch(void *arg)
{
    struct job *job = arg;
    struct ocsp *ocsp = job->ocsp;
    struct entry *entry = job->entry;
    struct ocsp_answer answer = {.der = NULL};
    struct error_text error = {.text = ""}, unwritten = {.text = ""};
    free(job);
    bool fetched = ocsp_fetch(entry->source, entry->certificate, entry->issuer, ocsp->cancel_fd,
                              &answer, &error);
    bool written = !fetched || !entry->source->cache ||
                   ocsp_store_write(entry->source->cache, entry->key, &answer, &unwritten);
    lock_take(&ocsp->lock);
    if (!written && entry->failures == 0 && !entry->answer.der)
        note_unwritten(entry, &unwritten);
    if (fetched)
        take_answer(entry, &answer);
    else
        note_failure(entry, &error);
    entry->state = ENTRY_RESTS;
    ocsp->fetches--;
    lock_broadcast(&ocsp->changed);
    lock_release(&ocsp->lock);
}

/* Without a thread it counts as a failure. */
static void begin_fetch(struct ocsp *ocsp, struct entry *entry)
{
    struct error_text error = {.text = "there is no thread for it"};
    struct job *job = malloc(sizeof(*job));
    if (job)
        *job = (struct job){ocsp, entry};
    entry->state = ENTRY_ASKS;
    ocsp->fetches++;
    if (job && threads_run(ocsp->threads, fetch, job) == 0)
        return;
    free(job);
    ocsp->fetches--;
    entry->state = ENTRY_RESTS;
    note_failure(entry, &error);
}

static bool is_due(const struct entry *entry, int64_t now_us)
{
    return entry->state == ENTRY_WANTED ||
           (entry->state == ENTRY_RESTS && entry->followers && entry->due_us <= now_us);
}

/* Begins what is due. Returns when to look again without a change. */
static int64_t begin_due(struct ocsp *ocsp, int64_t now_us)
{
    int64_t next_us = DEADLINE_NEVER;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct entry *entry = ocsp->buckets[i]; entry; entry = entry->next) {
            if (is_due(entry, now_us) && ocsp->fetches < OCSP_FETCHES)
                begin_fetch(ocsp, entry);
            if (entry->state == ENTRY_RESTS && entry->followers && entry->due_us > now_us &&
                entry->due_us < next_us)
                next_us = entry->due_us;
        }
    return next_us;
}

static void run(void *arg)
{
    struct ocsp *ocsp = arg;
    lock_take(&ocsp->lock);
    while (!ocsp->ending)
        (void)lock_sleep(&ocsp->changed, &ocsp->lock, begin_due(ocsp, clock_now_us()));
    lock_release(&ocsp->lock);
}

void ocsp_start(struct ocsp *ocsp)
{
    lock_take(&ocsp->lock);
    if (!ocsp->started)
        ocsp->started = threads_run(ocsp->threads, run, ocsp) == 0; /* else at the next call */
    lock_release(&ocsp->lock);
}

/* ---- Our own certificates ------------------------------------------------------------------ */

/* The lock is held. KEPT: what the cache has; taken over if it is of use. */
static bool join(struct ocsp *ocsp, struct ocsp_follower *follower,
                 const uint8_t key[OCSP_KEY_SIZE], struct ocsp_source *source, X509 *certificate,
                 X509 *issuer, struct ocsp_answer *kept)
{
    struct entry *entry = find_entry(ocsp, key);
    if (!entry)
        entry = add_entry(ocsp, key, source, certificate, issuer);
    if (!entry)
        return false;
    if (!entry->followers) {
        ocsp->peers--;
        entry->due_us = 0;
    }
    follower->entry = entry;
    follower->next = entry->followers;
    entry->followers = follower;
    if (entry->answer.der)
        return true;
    entry->answer = *kept;
    *kept = (struct ocsp_answer){.der = NULL};
    if (entry->answer.der)
        schedule(entry);
    lock_broadcast(&ocsp->changed);
    return true;
}

struct ocsp_follower *ocsp_follow(struct ocsp *ocsp, struct ocsp_source *source, X509 *certificate,
                                  X509 *issuer, const struct ocsp_report *report)
{
    uint8_t key[OCSP_KEY_SIZE];
    struct ocsp_answer kept = {.der = NULL};
    struct ocsp_follower *follower = calloc(1, sizeof(*follower));
    if (!follower)
        return NULL;
    *follower = (struct ocsp_follower){.ocsp = ocsp, .report = *report};
    follower->name = strdup(report->name);
    bool joined = follower->name && make_key(source, certificate, key);
    if (joined) {
        if (source->cache) /* without the lock, which handshakes take */
            (void)ocsp_store_read(source->cache, key, certificate, issuer, &kept);
        lock_take(&ocsp->lock);
        joined = join(ocsp, follower, key, source, certificate, issuer, &kept);
        lock_release(&ocsp->lock);
        ocsp_answer_free(&kept);
    }
    if (joined)
        return follower;
    free(follower->name);
    free(follower);
    return NULL;
}

void ocsp_unfollow(struct ocsp_follower *follower)
{
    if (!follower)
        return;
    struct ocsp *ocsp = follower->ocsp;
    lock_take(&ocsp->lock);
    struct ocsp_follower **at = &follower->entry->followers;
    while (*at != follower)
        at = &(*at)->next;
    *at = follower->next;
    if (!follower->entry->followers)
        ocsp->peers++;
    lock_release(&ocsp->lock);
    free(follower->name);
    free(follower);
}

unsigned char *ocsp_copy_staple(const struct ocsp_follower *follower, size_t *size)
{
    unsigned char *copy = NULL;
    lock_take(&follower->ocsp->lock);
    const struct ocsp_answer *answer = &follower->entry->answer;
    if (ocsp_answer_is_current(answer) && answer->status == OCSP_GOOD) {
        copy = OPENSSL_memdup(answer->der, answer->size);
        *size = answer->size;
    }
    lock_release(&follower->ocsp->lock);
    return copy;
}

int64_t ocsp_staple_until(const struct ocsp_follower *follower)
{
    lock_take(&follower->ocsp->lock);
    const struct ocsp_answer *answer = &follower->entry->answer;
    bool good = ocsp_answer_is_current(answer) && answer->status == OCSP_GOOD;
    int64_t until_s = good ? answer->until_s : 0;
    lock_release(&follower->ocsp->lock);
    return until_s;
}

/* ---- Peers --------------------------------------------------------------------------------- */

static enum ocsp_finding finding_of(enum ocsp_status status)
{
    static const enum ocsp_finding findings[] = {[OCSP_GOOD] = OCSP_FOUND_GOOD,
                                                 [OCSP_REVOKED] = OCSP_FOUND_REVOKED,
                                                 [OCSP_NOT_KNOWN] = OCSP_FOUND_UNKNOWN};
    return findings[status];
}

static enum ocsp_finding look_at(struct ocsp *ocsp, struct entry *entry, enum ocsp_look look,
                                 struct error_text *why)
{
    entry->used_us = clock_now_us();
    if (ocsp_answer_is_current(&entry->answer))
        return finding_of(entry->answer.status);
    if (entry->state == ENTRY_RESTS && entry->failures > 0 && entry->used_us < entry->due_us) {
        *why = entry->error;
        return OCSP_FOUND_UNAVAILABLE;
    }
    if (look == OCSP_LOOK_ONLY) {
        error_set(why, "it is not known yet");
        return OCSP_FOUND_UNAVAILABLE;
    }
    if (entry->state == ENTRY_RESTS) {
        entry->state = ENTRY_WANTED;
        lock_broadcast(&ocsp->changed);
    }
    return OCSP_FOUND_PENDING;
}

enum ocsp_finding ocsp_find(struct ocsp *ocsp, struct ocsp_source *source, X509 *certificate,
                            X509 *issuer, enum ocsp_look look, struct error_text *why)
{
    uint8_t key[OCSP_KEY_SIZE];
    enum ocsp_finding finding = OCSP_FOUND_UNAVAILABLE;
    error_set(why, "%s",
              issuer ? "there is no room for another question" : "its issuer is not known");
    if (!make_key(source, certificate, key))
        return finding;
    lock_take(&ocsp->lock);
    struct entry *entry = find_entry(ocsp, key);
    if (!entry && issuer && look == OCSP_LOOK_ASK)
        entry = add_entry(ocsp, key, source, certificate, issuer);
    if (entry)
        finding = look_at(ocsp, entry, look, why);
    lock_release(&ocsp->lock);
    return finding;
}

bool ocsp_teach(struct ocsp *ocsp, struct ocsp_source *source, X509 *certificate, X509 *issuer,
                const unsigned char *der, size_t size, struct error_text *error)
{
    uint8_t key[OCSP_KEY_SIZE];
    struct ocsp_answer answer;
    if (!make_key(source, certificate, key))
        return error_set(error, "out of memory for OCSP");
    if (!ocsp_answer_read(&answer, der, size, certificate, issuer, error))
        return false;
    lock_take(&ocsp->lock);
    struct entry *entry = find_entry(ocsp, key);
    if (!entry)
        entry = add_entry(ocsp, key, source, certificate, issuer);
    bool newer = entry && (!entry->answer.der || entry->answer.from_s < answer.from_s);
    if (newer)
        take_answer(entry, &answer);
    lock_release(&ocsp->lock);
    if (!newer)
        ocsp_answer_free(&answer);
    return entry || error_set(error, "there is no room for another response");
}
