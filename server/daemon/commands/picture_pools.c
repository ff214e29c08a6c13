#include "server/daemon/commands/member.h"
#include "server/daemon/commands/picture.h"
#include "server/daemon/commands/units.h"

#include <string.h>

/* ---- Pools ----------------------------------------------------------------------------------- */

/* Clients that were not joined. */
static double missed(const cJSON *pool)
{
    double sum = 0;
    const cJSON *result = member_first(pool, "results");
    for (; result; result = result->next)
        if (cJSON_IsNumber(result) && strcmp(result->string, "reached") != 0)
            sum += result->valuedouble;
    return sum;
}

static void add_pool(struct columns *columns, const cJSON *pool)
{
    static const char *const numbers[] = {"offers", "names", "waiting", "joined", "joined_total"};
    columns_add(columns, "%s", member_text(pool, "name"));
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        columns_add(columns, "%.0f", member_number(pool, numbers[i]));
    columns_add(columns, "%.0f", missed(pool));
    columns_add(columns, "%.0f", member_number(pool, "displaced"));
}

bool picture_pools(const struct picture *picture, FILE *out)
{
    static const struct columns_head heads[] = {
        {"POOL", COLUMNS_LEFT},     {"OFFERS", COLUMNS_RIGHT},   {"NAMES", COLUMNS_RIGHT},
        {"WAITING", COLUMNS_RIGHT}, {"JOINED", COLUMNS_RIGHT},   {"REACHED", COLUMNS_RIGHT},
        {"MISSED", COLUMNS_RIGHT},  {"DISPLACED", COLUMNS_RIGHT}};
    struct columns *columns = columns_new(heads, sizeof(heads) / sizeof(heads[0]));
    const cJSON *pool = member_first(picture->now, "pools");
    for (; pool; pool = pool->next)
        add_pool(columns, pool);
    bool printed = columns_print(columns, out, &picture->look);
    columns_free(columns);
    return printed;
}

/* ---- Devices --------------------------------------------------------------------------------- */

size_t picture_devices_count(const struct picture *picture)
{
    size_t count = 0;
    const cJSON *pool = member_first(picture->now, "pools");
    for (; pool; pool = pool->next)
        count += member_count(pool, "devices");
    return count;
}

/* The newest join: the device's connection, and the client with its gate. */
static void add_join(struct columns *columns, const cJSON *device)
{
    const cJSON *join = member_first(device, "joins");
    if (!join) {
        columns_add(columns, "%s", "");
        columns_add(columns, "%s", "");
        return;
    }
    columns_add(columns, "%.0f", member_number(join, "device"));
    columns_add(columns, "%s %.0f", member_text(join, "gate"), member_number(join, "client"));
}

static void add_device(struct columns *columns, const struct picture *picture, const cJSON *pool,
                       const cJSON *device)
{
    bool offered = member_known(device, "since_ms");
    double since_ms = member_number(picture->now, "time_ms") - member_number(device, "since_ms");
    columns_add(columns, "%s", member_text(pool, "name"));
    columns_add(columns, "%s", member_text(device, "name"));
    columns_add(columns, "%.0f", member_number(device, "offers"));
    columns_add(columns, "%s", offered ? units_duration(since_ms).text : "");
    columns_add(columns, "%.0f", member_number(device, "waiting"));
    columns_add(columns, "%.0f", member_number(device, "joined"));
    add_join(columns, device);
}

bool picture_devices(const struct picture *picture, size_t count, FILE *out)
{
    static const struct columns_head heads[] = {
        {"POOL", COLUMNS_LEFT},  {"DEVICE", COLUMNS_LEFT},   {"OFFERS", COLUMNS_RIGHT},
        {"FOR", COLUMNS_RIGHT},  {"WAITING", COLUMNS_RIGHT}, {"JOINED", COLUMNS_RIGHT},
        {"CONN", COLUMNS_RIGHT}, {"WITH", COLUMNS_LEFT}};
    struct columns *columns = columns_new(heads, sizeof(heads) / sizeof(heads[0]));
    const cJSON *pool = member_first(picture->now, "pools");
    for (; pool && count > 0; pool = pool->next) {
        const cJSON *device = member_first(pool, "devices");
        for (; device && count > 0; device = device->next, count--)
            add_device(columns, picture, pool, device);
    }
    bool printed = columns_print(columns, out, &picture->look);
    columns_free(columns);
    return printed;
}
