#include "server/daemon/commands/member.h"
#include "server/daemon/commands/picture.h"
#include "server/daemon/commands/units.h"

/* Both tables begin alike: who, and what came of it; then comes the timeline. */
#define HEADS_BEGIN                                                             \
    {"SERVICE", COLUMNS_LEFT}, {"CONN", COLUMNS_RIGHT}, {"PEER", COLUMNS_LEFT}, \
        {"ROLE", COLUMNS_LEFT},                                                 \
    {                                                                           \
        "CAUSE", COLUMNS_LEFT                                                   \
    }
#define HEADS_TIMES                                                                \
    {"BYTE", COLUMNS_RIGHT}, {"VERDICT", COLUMNS_RIGHT}, {"HELLO", COLUMNS_RIGHT}, \
        {"HANDSHAKE", COLUMNS_RIGHT},                                              \
    {                                                                              \
        "DATA", COLUMNS_RIGHT                                                      \
    }

static double age_ms(const struct picture *picture, const cJSON *connection)
{
    return member_number(picture->now, "time_ms") - member_number(connection, "accepted_ms");
}

static void add_begin(struct columns *columns, const cJSON *connection, double ms)
{
    columns_add(columns, "%s", units_duration(ms).text);
    columns_add(columns, "%s", member_text(connection, "service"));
    columns_add(columns, "%.0f", member_number(connection, "conn"));
    columns_add(columns, "%s", member_text(connection, "peer"));
    columns_add(columns, "%s", member_text(connection, "role"));
    columns_add(columns, "%s", member_text(connection, "cause"));
}

static void add_time(struct columns *columns, const cJSON *timeline, const char *event)
{
    bool known = member_known(timeline, event);
    columns_add(columns, "%s", known ? units_duration(member_number(timeline, event)).text : "");
}

static void add_times(struct columns *columns, const cJSON *timeline)
{
    static const char *const events[] = {"first_byte", "verdict", "hello", "handshake",
                                         "first_data"};
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        add_time(columns, timeline, events[i]);
}

static void add_failed(struct columns *columns, const struct picture *picture,
                       const cJSON *connection)
{
    const cJSON *timeline = cJSON_GetObjectItemCaseSensitive(connection, "timeline");
    double ended_ms = member_number(timeline, "end");
    add_begin(columns, connection, age_ms(picture, connection) - ended_ms);
    columns_add(columns, "%s", member_text(connection, "reason"));
    add_times(columns, timeline);
    add_time(columns, timeline, "end");
    columns_add(columns, "%s", member_text(connection, "error"));
    columns_add(columns, "%s", member_text(connection, "subject"));
}

/* "preface: starttls": the step that it is in. */
static void add_state(struct columns *columns, const cJSON *connection)
{
    const char *step = member_text(connection, "waits_for");
    columns_add(columns, "%s%s%s", member_text(connection, "state"), step[0] != '\0' ? ": " : "",
                step);
}

static void add_open(struct columns *columns, const struct picture *picture,
                     const cJSON *connection)
{
    add_begin(columns, connection, age_ms(picture, connection));
    add_state(columns, connection);
    add_times(columns, cJSON_GetObjectItemCaseSensitive(connection, "timeline"));
    columns_add(columns, "%s", units_bytes(member_number(connection, "received_bytes")).text);
    columns_add(columns, "%s", units_bytes(member_number(connection, "sent_bytes")).text);
    columns_add(columns, "%s", member_text(connection, "protocol"));
    columns_add(columns, "%s", member_text(connection, "subject"));
}

typedef void add_row(struct columns *columns, const struct picture *picture,
                     const cJSON *connection);

/* Takes COLUMNS, which may be NULL. */
static bool print(const struct picture *picture, struct columns *columns, const char *list,
                  size_t count, add_row *add, FILE *out)
{
    const cJSON *connection = member_first(picture->now, list);
    for (size_t i = 0; connection && i < count; i++, connection = connection->next)
        add(columns, picture, connection);
    bool printed = columns_print(columns, out, &picture->look);
    columns_free(columns);
    return printed;
}

bool picture_failed(const struct picture *picture, size_t count, FILE *out)
{
    static const struct columns_head heads[] = {{"FAILED", COLUMNS_RIGHT}, HEADS_BEGIN,
                                                {"REASON", COLUMNS_LEFT},  HEADS_TIMES,
                                                {"END", COLUMNS_RIGHT},    {"ERROR", COLUMNS_LEFT},
                                                {"SUBJECT", COLUMNS_LEFT}};
    struct columns *columns = columns_new(heads, sizeof(heads) / sizeof(heads[0]));
    return print(picture, columns, "failed", count, add_failed, out);
}

bool picture_open(const struct picture *picture, size_t count, FILE *out)
{
    static const struct columns_head heads[] = {
        {"OPEN", COLUMNS_RIGHT},     HEADS_BEGIN,
        {"STATE", COLUMNS_LEFT},     HEADS_TIMES,
        {"RECEIVED", COLUMNS_RIGHT}, {"SENT", COLUMNS_RIGHT},
        {"PROTOCOL", COLUMNS_LEFT},  {"SUBJECT", COLUMNS_LEFT}};
    struct columns *columns = columns_new(heads, sizeof(heads) / sizeof(heads[0]));
    return print(picture, columns, "connections", count, add_open, out);
}
