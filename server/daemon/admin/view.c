#include "server/daemon/admin/view.h"

#include <stdlib.h>

/* ---- Connections ----------------------------------------------------------------------------- */

enum { PAGE = 64 };

struct page {
    struct view_counts *counts;
    size_t wanted; /* copies, from here on */
    size_t length;
    struct snapshot copies[PAGE];
};

static void count(struct view_counts *counts, const struct registry_entry *entry,
                  enum snapshot_state state)
{
    counts->open++;
    if (entry->stats && entry->stats->index < counts->services)
        counts->of[entry->stats->index][state]++;
}

static void look_at_preface(struct registry_entry *entry, struct page *page)
{
    count(page->counts, entry, SNAPSHOT_WAITING);
    if (entry->preface && page->length < page->wanted)
        snapshot_take_preface(&page->copies[page->length++], &entry->origin, entry->preface);
}

static void look_at(struct registry_entry *entry, void *arg)
{
    struct page *page = arg;
    actpass_info_t info;
    if (!entry->conn) {
        look_at_preface(entry, page);
        return;
    }
    actpass_info(entry->conn, &info);
    count(page->counts, entry, snapshot_state(&info));
    stats_bytes(entry->stats, &info, &entry->counted);
    if (page->length < page->wanted)
        snapshot_take(&page->copies[page->length++], &entry->origin, &info);
}

static void show(struct page *page, void (*see)(const struct snapshot *snapshot, void *arg),
                 void *arg)
{
    for (size_t i = 0; i < page->length; i++)
        see(&page->copies[i], arg);
    page->wanted -= page->length;
    page->length = 0;
}

static bool make_counts(struct stats *stats, struct view_counts *counts)
{
    const struct service_stats *newest = stats_first(stats);
    size_t services = newest ? newest->index + 1 : 0;
    *counts = (struct view_counts){.of = calloc(services + 1, sizeof(counts->of[0])),
                                   .services = services};
    return counts->of;
}

bool view_connections(struct server *server, size_t count,
                      void (*see)(const struct snapshot *snapshot, void *arg), void *arg,
                      struct view_counts *counts)
{
    struct registry_cursor cursor = {.placed = false};
    struct page *page = malloc(sizeof(*page));
    bool made = page && make_counts(server->stats, counts);
    if (!made) {
        free(page);
        return false;
    }
    page->counts = counts;
    page->wanted = count;
    page->length = 0;
    bool more = true;
    while (more) {
        more = registry_look(server->registry, &cursor, PAGE, look_at, page);
        show(page, see, arg);
    }
    free(page);
    return true;
}

void view_counts_free(struct view_counts *counts)
{
    free(counts->of);
}

const uint64_t *view_counts_of(const struct view_counts *counts,
                               const struct service_stats *service)
{
    static const uint64_t none[SNAPSHOT_STATES];
    return service && service->index < counts->services ? counts->of[service->index] : none;
}

/* ---- Certificates ---------------------------------------------------------------------------- */

void view_certificates(struct service *service,
                       void (*see)(const actpass_certificate_t *certificate, unsigned index,
                                   void *arg),
                       void *arg)
{
    actpass_certificate_t certificate;
    actpass_config *settings = service_settings(service);
    for (unsigned i = 0; actpass_config_certificate(settings, i, &certificate) == 0; i++)
        see(&certificate, i, arg);
    actpass_config_free(settings);
}
