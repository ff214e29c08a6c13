#include "server/daemon/commands/member.h"
#include "server/daemon/commands/picture.h"
#include "server/daemon/commands/units.h"

#include <string.h>

enum { MS_PER_SECOND = 1000 };

/* One service in two answers. */
struct service {
    const cJSON *now, *before; /* BEFORE: NULL if it was not there, or has begun anew */
    double seconds;            /* between them */
};

/* ---- Counters ------------------------------------------------------------------------------- */

typedef double counter(const cJSON *service);

static double taken(const cJSON *service)
{
    return member_number(service, "accepted") + member_number(service, "dialed");
}

/* Port scans and health checks, which close before their first byte, are none. */
static bool is_failure(const cJSON *closed)
{
    const char *reason = member_text(closed, "reason");
    return strcmp(reason, "CLEAN") != 0 && strcmp(reason, "UNUSED") != 0 &&
           strcmp(member_text(closed, "cause"), "closed_before_first_byte") != 0;
}

static double failed(const cJSON *service)
{
    double sum = 0;
    for (const cJSON *closed = member_first(service, "closed"); closed; closed = closed->next)
        if (is_failure(closed))
            sum += member_number(closed, "count");
    return sum;
}

static double refused(const cJSON *service)
{
    double sum = 0;
    for (const cJSON *limit = member_first(service, "refused"); limit; limit = limit->next)
        sum += cJSON_IsNumber(limit) ? limit->valuedouble : 0;
    return sum;
}

static double received(const cJSON *service)
{
    return member_number(service, "received_bytes");
}

static double sent(const cJSON *service)
{
    return member_number(service, "sent_bytes");
}

static struct unit_text rate(const struct service *service, counter *count,
                             struct unit_text (*show)(double))
{
    static const struct unit_text unknown = {""};
    double more = service->before ? count(service->now) - count(service->before) : -1;
    return more < 0 || service->seconds <= 0 ? unknown : show(more / service->seconds);
}

/* ---- Rows ----------------------------------------------------------------------------------- */

#define HEADS_BEGIN                                                          \
    {"SERVICE", COLUMNS_LEFT}, {"AT", COLUMNS_LEFT}, {"ROLE", COLUMNS_LEFT}, \
        {"OPEN", COLUMNS_RIGHT},                                             \
    {                                                                        \
        "MAX", COLUMNS_RIGHT                                                 \
    }
#define HEADS_RATES                                                                         \
    {"TAKEN/s", COLUMNS_RIGHT}, {"FAILED/s", COLUMNS_RIGHT}, {"RECEIVED/s", COLUMNS_RIGHT}, \
    {                                                                                       \
        "SENT/s", COLUMNS_RIGHT                                                             \
    }
#define HEADS_END                                                                         \
    {"TAKEN", COLUMNS_RIGHT}, {"FAILED", COLUMNS_RIGHT}, {"REFUSED", COLUMNS_RIGHT},      \
        {"RESUMED", COLUMNS_RIGHT}, {"RECEIVED", COLUMNS_RIGHT}, {"SENT", COLUMNS_RIGHT}, \
    {                                                                                     \
        "CERTIFICATE", COLUMNS_RIGHT                                                      \
    }

static struct columns *new_columns(const struct picture *picture)
{
    static const struct columns_head heads[] = {HEADS_BEGIN, HEADS_END};
    static const struct columns_head with_rates[] = {HEADS_BEGIN, HEADS_RATES, HEADS_END};
    if (picture->before)
        return columns_new(with_rates, sizeof(with_rates) / sizeof(with_rates[0]));
    return columns_new(heads, sizeof(heads) / sizeof(heads[0]));
}

/* Where it listens, or whom it dials first. */
static const char *place(const cJSON *service)
{
    const char *listen = member_text(service, "listen");
    const char *dial = cJSON_GetStringValue(member_first(service, "dial"));
    return listen[0] != '\0' || !dial ? listen : dial;
}

/* How long the first certificate to expire is valid. */
static struct unit_text validity(const cJSON *service, double time_ms)
{
    struct unit_text shown = {""};
    double first_ms = 0;
    const cJSON *certificate = member_first(service, "certificates");
    for (; certificate; certificate = certificate->next) {
        double after_ms = member_number(certificate, "not_after_ms");
        first_ms = first_ms == 0 || after_ms < first_ms ? after_ms : first_ms;
    }
    if (first_ms > time_ms)
        return units_duration(first_ms - time_ms);
    if (first_ms != 0)
        memcpy(shown.text, "expired", sizeof("expired"));
    return shown;
}

static void add_begin(struct columns *columns, const cJSON *service)
{
    columns_add(columns, "%s", member_text(service, "name"));
    columns_add(columns, "%s", place(service));
    columns_add(columns, "%s", member_text(service, "role"));
    columns_add(columns, "%.0f", member_number(service, "open"));
    columns_add(columns, "%.0f", member_number(service, "max_connections"));
}

static void add_rates(struct columns *columns, const struct service *service)
{
    columns_add(columns, "%s", rate(service, taken, units_rate).text);
    columns_add(columns, "%s", rate(service, failed, units_rate).text);
    columns_add(columns, "%s", rate(service, received, units_bytes).text);
    columns_add(columns, "%s", rate(service, sent, units_bytes).text);
}

static void add_totals(struct columns *columns, const cJSON *service, double time_ms)
{
    columns_add(columns, "%.0f", taken(service));
    columns_add(columns, "%.0f", failed(service));
    columns_add(columns, "%.0f", refused(service));
    columns_add(columns, "%.0f", member_number(service, "resumed"));
    columns_add(columns, "%s", units_bytes(received(service)).text);
    columns_add(columns, "%s", units_bytes(sent(service)).text);
    columns_add(columns, "%s", validity(service, time_ms).text);
}

/* Of the same process: numbers of another one begin anew. */
static const cJSON *find_before(const struct picture *picture, const char *name)
{
    const cJSON *service = member_first(picture->before, "services");
    if (member_number(picture->before, "started_ms") != member_number(picture->now, "started_ms"))
        return NULL;
    while (service && strcmp(member_text(service, "name"), name) != 0)
        service = service->next;
    return service;
}

bool picture_services(const struct picture *picture, FILE *out)
{
    double time_ms = member_number(picture->now, "time_ms");
    double between_ms = time_ms - member_number(picture->before, "time_ms");
    struct columns *columns = new_columns(picture);
    const cJSON *now = member_first(picture->now, "services");
    for (; now; now = now->next) {
        const struct service service = {.now = now,
                                        .before = find_before(picture, member_text(now, "name")),
                                        .seconds = between_ms / MS_PER_SECOND};
        add_begin(columns, now);
        if (picture->before)
            add_rates(columns, &service);
        add_totals(columns, now, time_ms);
    }
    bool printed = columns_print(columns, out, &picture->look);
    columns_free(columns);
    return printed;
}
