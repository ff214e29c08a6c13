#include "server/daemon/commands/picture.h"

#include "server/daemon/commands/member.h"
#include "server/daemon/commands/units.h"

#include <stdint.h>
#include <stdlib.h>

/* How many connections of each kind are shown, and how many devices. */
struct shares {
    size_t failed, open, devices;
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The lines of the tables of pools and devices beside the devices. */
static size_t fleet_lines(const struct picture *picture)
{
    size_t pools = member_count(picture->now, "pools");
    return pools > 0 ? pools + 4 : 0;
}

/* The lines that are left for devices and connections. */
static size_t free_lines(const struct picture *picture)
{
    /* The first line, and three tables, each with a blank line and a head. */
    size_t other = member_count(picture->now, "services") + 7 + fleet_lines(picture);
    if (picture->lines == 0)
        return SIZE_MAX;
    return picture->lines > other ? picture->lines - other : 0;
}

/* Devices get up to a third of the lines. Then failures come first: they get up to half of the
 * rest, and what the open ones leave. */
static struct shares share(const struct picture *picture)
{
    size_t failed = member_count(picture->now, "failed");
    size_t open = member_count(picture->now, "connections");
    size_t lines = free_lines(picture);
    size_t devices = least(picture_devices_count(picture), lines / 3);
    lines -= devices;
    size_t failed_first = least(failed, lines - lines / 2);
    size_t open_shown = least(open, lines - failed_first);
    return (struct shares){
        .failed = least(failed, lines - open_shown), .open = open_shown, .devices = devices};
}

static bool print_first(const struct picture *picture, FILE *out)
{
    const cJSON *now = picture->now;
    const cJSON *threads = cJSON_GetObjectItemCaseSensitive(now, "threads");
    double age_ms = member_number(now, "time_ms") - member_number(now, "started_ms");
    return columns_line(
        out, &picture->look,
        "actpass %s, pid %.0f, %s for %s: %.0f open, %zu failed lately; %.0f threads, %.0f log "
        "lines lost",
        member_text(now, "version"), member_number(now, "pid"), member_text(now, "state"),
        units_duration(age_ms).text, member_number(now, "open"), member_count(now, "failed"),
        member_number(threads, "crew") + member_number(threads, "blocked"),
        member_number(now, "log_lines_lost"));
}

/* With no connection there is no table of them. */
static bool draw(const struct picture *picture, FILE *out)
{
    struct shares shares = share(picture);
    bool drawn =
        print_first(picture, out) && fputs("\n\n", out) != EOF && picture_services(picture, out);
    if (drawn && member_count(picture->now, "pools") > 0)
        drawn = fputc('\n', out) != EOF && picture_pools(picture, out);
    if (drawn && shares.devices > 0)
        drawn = fputc('\n', out) != EOF && picture_devices(picture, shares.devices, out);
    if (drawn && shares.failed > 0)
        drawn = fputc('\n', out) != EOF && picture_failed(picture, shares.failed, out);
    if (drawn && shares.open > 0)
        drawn = fputc('\n', out) != EOF && picture_open(picture, shares.open, out);
    return drawn;
}

char *picture_text(const struct picture *picture)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return NULL;
    bool drawn = draw(picture, out) && !ferror(out);
    drawn = fclose(out) == 0 && drawn;
    if (drawn)
        return text;
    free(text);
    return NULL;
}
