/* Responses for our own certificates. */
#include "relay/lock.h"
#include "server/lib/ocsp/internal.h"
#include "server/lib/ocsp/ocsp.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* A peer may have been asked about before: then the response itself was not kept. What it said
 * counts all the same, if it is newer than what the cache has. */
static void take_kept(struct ocsp *ocsp, struct entry *entry, struct ocsp_answer *kept)
{
    bool older = ocsp_answer_is_outdated(kept, &entry->answer);
    if (!entry->answer.der && kept->der && !older) {
        ocsp_answer_free(&entry->answer);
        entry->answer = *kept;
        *kept = (struct ocsp_answer){.der = NULL};
    }
    if (entry->answer.der) {
        work_schedule(ocsp, entry);
    } else {
        due_set(&ocsp->schedule, entry, 0);
        lock_signal(&ocsp->due);
    }
}

/* The lock is held. KEPT: what the cache has; taken over if it is of use. QUESTION is NULL once it
 * is the entry's. */
static bool join(struct ocsp *ocsp, struct ocsp_follower *follower, struct ocsp_question **question,
                 struct ocsp_answer *kept)
{
    struct entry *entry = entries_get(&ocsp->entries, (*question)->key);
    if (!entry || !due_reserve(&ocsp->schedule, ocsp->followed + 1))
        return false;
    bool first = !entry->followers;
    follower->entry = entry;
    follower->next = entry->followers;
    entry->followers = follower;
    if (!entry->question) {
        entry->question = *question;
        *question = NULL;
    }
    entries_note(&ocsp->entries, entry);
    if (first) {
        ocsp->followed++;
        take_kept(ocsp, entry, kept);
    }
    return true;
}

static bool follow(struct ocsp_follower *follower, struct ocsp_question *question)
{
    struct ocsp *ocsp = follower->ocsp;
    struct ocsp_answer kept = {.der = NULL};
    if (question->source->cache) /* without the lock, which handshakes take */
        (void)ocsp_store_read(question->source->cache, question->key, question->certificate,
                              question->issuer, &kept);
    lock_take(&ocsp->lock);
    bool joined = join(ocsp, follower, &question, &kept);
    lock_release(&ocsp->lock);
    ocsp_answer_free(&kept);
    ocsp_question_free(question);
    return joined;
}

struct ocsp_follower *ocsp_follow(struct ocsp *ocsp, struct ocsp_source *source, X509 *certificate,
                                  X509 *issuer, const struct ocsp_report *report)
{
    struct error_text why;
    struct ocsp_follower *follower = calloc(1, sizeof(*follower));
    if (!follower)
        return NULL;
    *follower = (struct ocsp_follower){.ocsp = ocsp, .report = *report};
    follower->name = strdup(report->name);
    struct ocsp_question *question =
        follower->name ? ocsp_question_new(source, certificate, issuer, &why) : NULL;
    if (question && follow(follower, question))
        return follower;
    free(follower->name);
    free(follower);
    return NULL;
}

/* The lock is held. */
static void leave(struct ocsp *ocsp, const struct ocsp_follower *follower)
{
    struct entry *entry = follower->entry;
    struct ocsp_follower **at = &entry->followers;
    while (*at != follower)
        at = &(*at)->next;
    *at = follower->next;
    if (entry->followers)
        return;
    ocsp->followed--;
    due_remove(&ocsp->schedule, entry);
    if (entry->state == ENTRY_WAITS && !entry->waiters)
        work_withdraw(ocsp, entry);
    entries_note(&ocsp->entries, entry);
}

void ocsp_unfollow(struct ocsp_follower *follower)
{
    if (!follower)
        return;
    lock_take(&follower->ocsp->lock);
    leave(follower->ocsp, follower);
    lock_release(&follower->ocsp->lock);
    free(follower->name);
    free(follower);
}

static bool can_be_stapled(const struct ocsp_answer *answer)
{
    return answer->der && ocsp_answer_is_current(answer) && answer->status == OCSP_GOOD;
}

unsigned char *ocsp_copy_staple(const struct ocsp_follower *follower, size_t *size)
{
    unsigned char *copy = NULL;
    lock_take(&follower->ocsp->lock);
    const struct ocsp_answer *answer = &follower->entry->answer;
    if (can_be_stapled(answer)) {
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
    int64_t until_s = can_be_stapled(answer) ? answer->until_s : 0;
    lock_release(&follower->ocsp->lock);
    return until_s;
}
