/* What is known of peers' certificates. */
#include "relay/clock.h"
#include "relay/lock.h"
#include "server/lib/ocsp/internal.h"
#include "server/lib/ocsp/ocsp.h"

/* NOTHING: it must be asked. */
enum known { KNOWN_NOTHING, KNOWN_PENDING, KNOWN_FOUND };

static enum ocsp_finding finding_of(enum ocsp_status status)
{
    static const enum ocsp_finding findings[] = {[OCSP_GOOD] = OCSP_FOUND_GOOD,
                                                 [OCSP_REVOKED] = OCSP_FOUND_REVOKED,
                                                 [OCSP_NOT_KNOWN] = OCSP_FOUND_UNKNOWN};
    return findings[status];
}

static enum known look_at(struct ocsp *ocsp, struct entry *entry, enum ocsp_finding *finding,
                          struct error_text *why)
{
    if (entry->listed) /* it was used */
        entries_note(&ocsp->entries, entry);
    if (ocsp_answer_is_current(&entry->answer)) {
        *finding = finding_of(entry->answer.status);
        return KNOWN_FOUND;
    }
    if (entry->state != ENTRY_RESTS)
        return KNOWN_PENDING;
    if (entry->failures == 0 || clock_now_us() >= entry->failed_until_us)
        return KNOWN_NOTHING;
    *why = entry->error;
    *finding = OCSP_FOUND_UNAVAILABLE;
    return KNOWN_FOUND;
}

/* It is being asked. WAITER: NULL for OCSP_LOOK_ASK. */
static enum ocsp_finding wait_for(struct entry *entry, struct ocsp_waiter *waiter)
{
    if (waiter)
        waiters_add(entry, waiter);
    else
        entry->unattended = true;
    return OCSP_FOUND_PENDING;
}

/* QUESTION is NULL once it is the entry's. */
static enum ocsp_finding ask(struct ocsp *ocsp, struct ocsp_question **question,
                             struct ocsp_waiter *waiter, struct error_text *why)
{
    enum ocsp_finding finding = OCSP_FOUND_UNAVAILABLE;
    struct entry *entry = entries_get(&ocsp->entries, (*question)->key);
    if (!entry) {
        error_set(why, "too many other certificates are being asked about");
        return finding;
    }
    enum known known = look_at(ocsp, entry, &finding, why); /* somebody else may have asked */
    if (known == KNOWN_FOUND)
        return finding;
    if (known == KNOWN_NOTHING) {
        if (!work_ask(ocsp, entry, *question, why))
            return finding;
        *question = NULL;
    }
    return wait_for(entry, waiter);
}

/* What the certificate says is read without the lock, since it may be long. */
static enum ocsp_finding prepare_and_ask(struct ocsp *ocsp, const struct ocsp_peer *peer,
                                         struct ocsp_waiter *waiter, struct error_text *why)
{
    if (!peer->issuer) {
        error_set(why, "its issuer is not known");
        return OCSP_FOUND_UNAVAILABLE;
    }
    struct ocsp_question *question =
        ocsp_question_new(peer->source, peer->certificate, peer->issuer, why);
    if (!question)
        return OCSP_FOUND_UNAVAILABLE;
    lock_take(&ocsp->lock);
    enum ocsp_finding finding = ask(ocsp, &question, waiter, why);
    lock_release(&ocsp->lock);
    ocsp_question_free(question);
    return finding;
}

static enum known look_for(struct ocsp *ocsp, const uint8_t key[OCSP_KEY_SIZE], enum ocsp_look look,
                           struct ocsp_waiter *waiter, enum ocsp_finding *finding,
                           struct error_text *why)
{
    enum known known = KNOWN_NOTHING;
    lock_take(&ocsp->lock);
    struct entry *entry = entries_find(&ocsp->entries, key);
    if (entry)
        known = look_at(ocsp, entry, finding, why);
    if (known == KNOWN_PENDING && look != OCSP_LOOK_ONLY)
        (void)wait_for(entry, waiter);
    lock_release(&ocsp->lock);
    return known;
}

enum ocsp_finding ocsp_find(struct ocsp *ocsp, const struct ocsp_peer *peer, enum ocsp_look look,
                            struct ocsp_waiter *waiter, struct error_text *why)
{
    uint8_t key[OCSP_KEY_SIZE];
    enum ocsp_finding finding = OCSP_FOUND_PENDING;
    if (!ocsp_question_key(peer->source, peer->certificate, key)) {
        error_set(why, "out of memory for OCSP");
        return OCSP_FOUND_UNAVAILABLE;
    }
    if (look == OCSP_LOOK_WAIT)
        waiter->ocsp = ocsp;
    if (look_for(ocsp, key, look, waiter, &finding, why) != KNOWN_NOTHING)
        return finding;
    if (look != OCSP_LOOK_ONLY)
        return prepare_and_ask(ocsp, peer, waiter, why);
    error_set(why, "it is not known");
    return OCSP_FOUND_UNAVAILABLE;
}

bool ocsp_can_find(struct ocsp *ocsp, const struct ocsp_peer *peer)
{
    uint8_t key[OCSP_KEY_SIZE];
    struct config_http_url url;
    if (!ocsp_question_key(peer->source, peer->certificate, key))
        return false;
    lock_take(&ocsp->lock);
    const struct entry *entry = entries_find(&ocsp->entries, key);
    bool known = entry && ocsp_answer_is_current(&entry->answer);
    lock_release(&ocsp->lock);
    if (known)
        return true;
    if (!peer->issuer || !ocsp_source_url(peer->source, peer->certificate, &url))
        return false;
    config_http_url_free(&url);
    return true;
}

void ocsp_leave(struct ocsp_waiter *waiter)
{
    struct ocsp *ocsp = waiter->ocsp;
    if (!ocsp)
        return;
    lock_take(&ocsp->lock);
    struct entry *entry = waiter->entry;
    waiters_remove(waiter);
    if (entry && entry->state == ENTRY_WAITS && !entry->waiters && !entry->unattended &&
        !entry->followers)
        work_withdraw(ocsp, entry);
    lock_release(&ocsp->lock);
    waiter->ocsp = NULL;
}

/* The lock is held. */
static bool teach(struct ocsp *ocsp, const uint8_t key[OCSP_KEY_SIZE], struct ocsp_answer *answer)
{
    struct entry *entry = entries_get(&ocsp->entries, key);
    if (!entry)
        return false;
    work_take(ocsp, entry, answer);
    if (entry->state == ENTRY_WAITS)
        work_withdraw(ocsp, entry);
    else
        waiters_wake(entry);
    return true;
}

bool ocsp_teach(struct ocsp *ocsp, const struct ocsp_peer *peer, const unsigned char *der,
                size_t size, struct error_text *error)
{
    uint8_t key[OCSP_KEY_SIZE];
    struct ocsp_answer answer;
    if (!ocsp_question_key(peer->source, peer->certificate, key))
        return error_set(error, "out of memory for OCSP");
    if (!ocsp_answer_read(&answer, der, size, peer->certificate, peer->issuer, error))
        return false;
    lock_take(&ocsp->lock);
    bool taught = teach(ocsp, key, &answer);
    lock_release(&ocsp->lock);
    ocsp_answer_free(&answer);
    return taught || error_set(error, "there is no room for another response");
}
