#include "server/daemon/admin/pools.h"

#include "server/daemon/fleet/caller.h"

#include <inttypes.h>

/* What is written while a pool's lock is held stays small. */
enum { NAMES_MAX = 1000, JOINS_MAX = 8 };

/* ---- /status --------------------------------------------------------------------------------- */

struct list {
    struct out *out;
    struct shares *shares;
    int64_t wall_us;
};

static void put_time(const struct list *list, const char *key, int64_t us)
{
    if (us < 0)
        out_string(list->out, key, NULL);
    else
        out_number(list->out, key, (us + list->wall_us) / 1000);
}

static void put_join(const struct list *list, const struct pool_join *join)
{
    struct out *out = list->out;
    out_open(out, NULL, '{');
    out_number(out, "device", (int64_t)join->device);
    out_number(out, "client", (int64_t)join->client);
    out_string(out, "gate", join->gate);
    out_string(out, "by", join->by);
    put_time(list, "since_ms", join->since_us);
    out_close(out, '}');
}

static void put_name(const struct pool_seen *seen, void *arg)
{
    const struct list *list = arg;
    const struct pool_join *join = seen->joins;
    struct out *out = list->out;
    out_open(out, NULL, '{');
    out_string(out, "name", seen->name);
    out_number(out, "offers", (int64_t)seen->offers);
    out_number(out, "waiting", (int64_t)seen->callers);
    put_time(list, "since_ms", seen->since_us);
    out_number(out, "joined", (int64_t)seen->joined);
    out_open(out, "joins", '[');
    for (size_t i = 0; join && i < JOINS_MAX; i++, join = join->older)
        put_join(list, join);
    out_close(out, ']');
    out_close(out, '}');
}

static void put_outcomes(struct out *out, const struct pool_counts *counts)
{
    out_open(out, "results", '{');
    for (enum gate_outcome outcome = GATE_REACHED; outcome < GATE_OUTCOMES; outcome++)
        out_number(out, caller_outcome_name(outcome), (int64_t)counts->outcomes[outcome]);
    out_close(out, '}');
}

static void put_registry(const struct share_seen *seen, void *arg)
{
    static const char *const states[] = {
        [SHARE_BEGINS] = NULL, [SHARE_UP] = "up", [SHARE_DOWN] = "down"};
    const struct list *list = arg;
    struct out *out = list->out;
    out_open(out, NULL, '{');
    out_string(out, "service", seen->service);
    out_string(out, "state", states[seen->state]);
    put_time(list, "since_ms", seen->since_us);
    if (seen->others < 0)
        out_string(out, "collectors", NULL);
    else
        out_number(out, "collectors", seen->others);
    out_close(out, '}');
}

static void put_pool(struct pool *pool, void *arg)
{
    struct list *list = arg;
    struct out *out = list->out;
    struct pool_counts counts = pool_count(pool);
    out_open(out, NULL, '{');
    out_string(out, "name", pool_title(pool));
    out_number(out, "offers", (int64_t)counts.offers);
    out_number(out, "names", (int64_t)counts.names);
    out_number(out, "waiting", (int64_t)counts.callers);
    out_number(out, "joined", (int64_t)counts.joins);
    out_number(out, "joined_total", (int64_t)counts.joined);
    out_number(out, "displaced", (int64_t)counts.displaced);
    put_outcomes(out, &counts);
    out_open(out, "registries", '[');
    shares_look(list->shares, pool, put_registry, list);
    out_close(out, ']');
    out_open(out, "devices", '[');
    pool_look(pool, NAMES_MAX, put_name, list);
    out_close(out, ']');
    out_close(out, '}');
}

void pools_write_status(struct fleet *fleet, struct shares *shares, int64_t wall_us,
                        struct out *out)
{
    struct list list = {out, shares, wall_us};
    out_open(out, "pools", '[');
    fleet_look(fleet, put_pool, &list);
    out_close(out, ']');
}

/* ---- /metrics -------------------------------------------------------------------------------- */

typedef uint64_t number(const struct pool_counts *counts);

static uint64_t offers(const struct pool_counts *counts)
{
    return counts->offers;
}

static uint64_t names(const struct pool_counts *counts)
{
    return counts->names;
}

static uint64_t waiting(const struct pool_counts *counts)
{
    return counts->callers;
}

static uint64_t joined(const struct pool_counts *counts)
{
    return counts->joins;
}

static uint64_t displaced(const struct pool_counts *counts)
{
    return counts->displaced;
}

static const struct row {
    const char *name, *type, *help;
    number *number;
} rows[] = {
    {"actpass_pool_offers", "gauge", "Connections of devices that wait to be reached.", offers},
    {"actpass_pool_names", "gauge", "Names that are offered, asked for or joined.", names},
    {"actpass_pool_clients_waiting", "gauge", "Clients that wait for a device.", waiting},
    {"actpass_pool_clients_joined", "gauge", "Clients that are joined to a device.", joined},
    {"actpass_pool_displaced_total", "counter",
     "Connections of devices that had to leave since their name had newer ones.", displaced}};

struct row_out {
    struct out *out;
    const struct row *row;
};

static void put_sample(struct out *out, const char *name, const struct pool *pool)
{
    out_format(out, "%s{pool=\"", name);
    out_label(out, pool_title(pool));
    out_text(out, "\"");
}

static void begin(struct out *out, const char *name, const char *type, const char *help)
{
    out_format(out, "# HELP %s ", name);
    out_text(out, help);
    out_format(out, "\n# TYPE %s %s\n", name, type);
}

static void put_row(struct pool *pool, void *arg)
{
    const struct row_out *to = arg;
    struct pool_counts counts = pool_count(pool);
    put_sample(to->out, to->row->name, pool);
    out_format(to->out, "} %" PRIu64 "\n", to->row->number(&counts));
}

static const char reaches[] = "actpass_reaches_total";

static void put_reaches(struct pool *pool, void *arg)
{
    struct out *out = arg;
    struct pool_counts counts = pool_count(pool);
    for (enum gate_outcome outcome = GATE_REACHED; outcome < GATE_OUTCOMES; outcome++) {
        put_sample(out, reaches, pool);
        out_format(out, ",result=\"%s\"} %" PRIu64 "\n", caller_outcome_name(outcome),
                   counts.outcomes[outcome]);
    }
}

void pools_write_metrics(struct fleet *fleet, struct out *out)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct row_out to = {out, &rows[i]};
        begin(out, rows[i].name, rows[i].type, rows[i].help);
        fleet_look(fleet, put_row, &to);
    }
    begin(out, reaches, "counter", "Clients of gates, by what came of them.");
    fleet_look(fleet, put_reaches, out);
}
