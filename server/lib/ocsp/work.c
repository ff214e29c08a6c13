/* The threads: one that begins what is due, and those that each ask one responder. */
#include "relay/clock.h"
#include "relay/lock.h"
#include "relay/threads.h"
#include "server/lib/ocsp/fetch.h"
#include "server/lib/ocsp/internal.h"
#include "server/lib/ocsp/schedule.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <time.h>

enum { PEER_FAILURE_MS = 30000 };

struct job {
    struct ocsp *ocsp;
    struct entry *entry;
    enum ocsp_chosen_by chosen_by;
};

static uint32_t chance(void)
{
    uint32_t number = 0;
    (void)RAND_bytes((unsigned char *)&number, sizeof(number)); /* else all come at once */
    return number;
}

/* ---- What comes of it ------------------------------------------------------------------------ */

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

void work_schedule(struct ocsp *ocsp, struct entry *entry)
{
    int64_t wait_ms = entry->failures > 0 ? ocsp_retry_ms(entry->failures, chance())
                                          : ocsp_renew_ms((int64_t)time(NULL), entry->answer.from_s,
                                                          entry->answer.until_s, chance());
    due_set(&ocsp->schedule, entry, clock_deadline_ms(wait_ms));
    lock_signal(&ocsp->due);
}

static void report_status(const struct entry *entry, const struct ocsp_answer *answer)
{
    bool was_good =
        entry->failures == 0 && (entry->answer.until_s == 0 || entry->answer.status == OCSP_GOOD);
    if (answer->status != OCSP_GOOD && was_good)
        report_to_all(entry, "ocsp: %s: its CA says that it is %s, so nothing is stapled: renew it",
                      ocsp_status_text(answer->status));
    else if (answer->status == OCSP_GOOD && !was_good)
        report_to_all(entry, "ocsp: %s: there is a response again%s", "");
}

void work_take(struct ocsp *ocsp, struct entry *entry, struct ocsp_answer *answer)
{
    bool older = ocsp_answer_is_outdated(answer, &entry->answer);
    report_status(entry, older ? &entry->answer : answer);
    ocsp_answer_free(older ? answer : &entry->answer);
    if (!older)
        entry->answer = *answer;
    *answer = (struct ocsp_answer){.der = NULL};
    entry->failures = 0;
    if (entry->followers)
        work_schedule(ocsp, entry);
    else
        ocsp_answer_forget_der(&entry->answer);
}

static void note_failure(struct ocsp *ocsp, struct entry *entry, const struct error_text *error)
{
    if (entry->failures++ == 0)
        report_to_all(entry, "ocsp: %s: no response can be fetched, which is tried again: %s",
                      error->text);
    entry->error = *error;
    entry->failed_until_us = clock_deadline_ms(PEER_FAILURE_MS);
    if (entry->followers)
        work_schedule(ocsp, entry);
}

static void note_unwritten(const struct entry *entry, const struct error_text *error)
{
    report_to_all(entry, "ocsp: %s: its response is used, but not kept: %s", error->text);
}

/* Whoever waits looks again. */
static void rest(struct ocsp *ocsp, struct entry *entry)
{
    entry->state = ENTRY_RESTS;
    entry->unattended = false;
    entries_note(&ocsp->entries, entry);
    waiters_wake(entry);
}

/* ---- Asking ---------------------------------------------------------------------------------- */

struct fetched {
    bool done, written;
    struct ocsp_answer answer;
    struct error_text error, unwritten;
    int64_t took_us;
};

static void note(struct ocsp *ocsp, struct entry *entry, struct fetched *fetched)
{
    queue_done(entry, fetched->done ? QUEUE_ANSWERED : QUEUE_FAILED, fetched->took_us);
    if (!fetched->written && entry->failures == 0 && !entry->answer.der)
        note_unwritten(entry, &fetched->unwritten);
    if (fetched->done)
        work_take(ocsp, entry, &fetched->answer);
    else
        note_failure(ocsp, entry, &fetched->error);
    rest(ocsp, entry);
    lock_signal(&ocsp->due);
}

/* The question is constant while it is asked, so it is read without the lock. */
static void fetch(void *arg)
{
    struct job *job = arg;
    struct ocsp *ocsp = job->ocsp;
    struct entry *entry = job->entry;
    const struct ocsp_question *question = entry->question;
    const char *cache = question->source->cache;
    struct fetched fetched = {.written = true};
    int64_t began_us = clock_now_us();
    enum ocsp_chosen_by chosen_by = job->chosen_by;
    free(job);
    fetched.done =
        ocsp_fetch(question, chosen_by, ocsp->cancel_fd, &fetched.answer, &fetched.error);
    fetched.took_us = clock_now_us() - began_us;
    if (fetched.done && cache)
        fetched.written =
            ocsp_store_write(cache, question->key, &fetched.answer, &fetched.unwritten);
    lock_take(&ocsp->lock);
    note(ocsp, entry, &fetched);
    lock_release(&ocsp->lock);
}

/* A certificate names its responder, unless that is configured; ours is our choice, too. */
static enum ocsp_chosen_by chosen_by(const struct entry *entry)
{
    return entry->followers || entry->question->source->responder ? OCSP_CHOSEN_BY_US
                                                                  : OCSP_CHOSEN_BY_PEER;
}

/* Without a thread it counts as a failure. */
static void begin(struct ocsp *ocsp, struct entry *entry)
{
    struct fetched failed = {.written = true, .error.text = "there is no thread for it"};
    struct job *job = malloc(sizeof(*job));
    if (job)
        *job = (struct job){ocsp, entry, chosen_by(entry)};
    entry->state = ENTRY_ASKS;
    if (job && threads_run(ocsp->threads, fetch, job) == 0)
        return;
    free(job);
    note(ocsp, entry, &failed);
}

/* ---- What is due --------------------------------------------------------------------------- */

/* Of our own certificates. */
static void queue_due(struct ocsp *ocsp, int64_t now_us)
{
    struct error_text why;
    for (struct entry *entry = due_first(&ocsp->schedule); entry && entry->due_us <= now_us;
         entry = due_first(&ocsp->schedule)) {
        due_remove(&ocsp->schedule, entry);
        if (entry->state != ENTRY_RESTS) /* for a peer: what comes of it sets the next time */
            continue;
        if (queue_add(&ocsp->queue, entry, QUEUE_OWN, &why))
            entry->state = ENTRY_WAITS;
        else
            note_failure(ocsp, entry, &why);
        entries_note(&ocsp->entries, entry);
    }
}

/* Begins what is due. Returns when to look again without a change. */
static int64_t begin_due(struct ocsp *ocsp)
{
    struct entry *entry;
    queue_due(ocsp, clock_now_us());
    for (entry = queue_take(&ocsp->queue); entry; entry = queue_take(&ocsp->queue))
        begin(ocsp, entry);
    entry = due_first(&ocsp->schedule);
    return entry ? entry->due_us : DEADLINE_NEVER;
}

void work_run(void *arg)
{
    struct ocsp *ocsp = arg;
    lock_take(&ocsp->lock);
    while (!ocsp->ending)
        (void)lock_sleep(&ocsp->due, &ocsp->lock, begin_due(ocsp));
    lock_release(&ocsp->lock);
}

/* ---- For peers ------------------------------------------------------------------------------- */

bool work_ask(struct ocsp *ocsp, struct entry *entry, struct ocsp_question *question,
              struct error_text *error)
{
    struct ocsp_question *before = entry->question;
    entry->question = question;
    if (!queue_add(&ocsp->queue, entry, QUEUE_PEERS, error)) {
        entry->question = before;
        return false;
    }
    ocsp_question_free(before);
    entry->state = ENTRY_WAITS;
    entries_note(&ocsp->entries, entry);
    lock_signal(&ocsp->due);
    return true;
}

void work_withdraw(struct ocsp *ocsp, struct entry *entry)
{
    queue_withdraw(entry);
    rest(ocsp, entry);
    if (entry->followers)
        work_schedule(ocsp, entry);
}
