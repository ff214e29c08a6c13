/* A copy of what is known of a connection, and what /status makes of it. */
#include "server/daemon/admin/snapshot.h"

#include "relay/clock.h"
#include "server/daemon/admin/status.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static actpass_info_t info_of(actpass_role role)
{
    return (actpass_info_t){.role = role,
                            .first_byte_us = -1,
                            .decided_us = -1,
                            .hello_us = -1,
                            .handshake_us = -1,
                            .first_data_us = -1,
                            .protocol = "",
                            .cipher = "",
                            .alpn = "",
                            .peer_address = "192.0.2.1:4711",
                            .peer_subject = "",
                            .peer_fingerprint = "",
                            .server_name = "",
                            .group = ""};
}

Test(snapshot, states)
{
    actpass_info_t info = info_of(ACTPASS_ROLE_AUTO);
    cr_assert_eq(snapshot_state(&info), SNAPSHOT_WAITING);
    info.role = ACTPASS_ROLE_CLIENT;
    cr_assert_eq(snapshot_state(&info), SNAPSHOT_HANDSHAKE);
    info.handshake_us = 0;
    cr_assert_eq(snapshot_state(&info), SNAPSHOT_ESTABLISHED);
    info.end = ACTPASS_RESET;
    cr_assert_eq(snapshot_state(&info), SNAPSHOT_CLOSING);
}

static cJSON *json_of(const struct snapshot *snapshot)
{
    const struct status_clock clock = {.wall_ms = 1000000,
                                       .monotonic_us = snapshot->origin.began_us + 2500000};
    struct out out = {.length = 0};
    status_write_connection(snapshot, &clock, &out);
    cr_assert_not(out.failed);
    cJSON *json = cJSON_ParseWithLength(out.bytes, out.length);
    cr_assert_not_null(json, "%.*s", (int)out.length, out.bytes);
    free(out.bytes);
    return json;
}

static const cJSON *at(const cJSON *json, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);
    cr_assert_not_null(item, "%s", key);
    return item;
}

Test(snapshot, nothing_is_known_yet)
{
    struct snapshot snapshot;
    const struct snapshot_origin origin = {.number = 7, .service = "gate", .began_us = 5000000};
    const actpass_info_t info = info_of(ACTPASS_ROLE_AUTO);
    static const char *const unknown[] = {"role",   "cause", "reason", "error",       "protocol",
                                          "cipher", "group", "alpn",   "server_name", "subject"};
    static const char *const steps[] = {"first_byte", "verdict",    "hello",
                                        "handshake",  "first_data", "end"};
    snapshot_take(&snapshot, &origin, &info);
    cJSON *json = json_of(&snapshot);
    cr_assert_eq(at(json, "conn")->valueint, 7);
    cr_assert_str_eq(at(json, "peer")->valuestring, "192.0.2.1:4711");
    cr_assert_str_eq(at(json, "state")->valuestring, "waiting");
    cr_assert_eq((int64_t)at(json, "accepted_ms")->valuedouble, 1000000 - 2500);
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        cr_assert(cJSON_IsNull(at(json, unknown[i])), "%s", unknown[i]);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        cr_assert(cJSON_IsNull(at(at(json, "timeline"), steps[i])), "%s", steps[i]);
    cr_assert_eq(at(at(json, "timeline"), "accept")->valueint, 0);
    cJSON_Delete(json);
}

Test(snapshot, all_is_known)
{
    struct snapshot snapshot;
    const struct snapshot_origin origin = {
        .number = 7, .service = "gate", .began_us = clock_now_us(), .dialed = true};
    actpass_info_t info = info_of(ACTPASS_ROLE_SERVER);
    info.cause = ACTPASS_CAUSE_GLARE_LOST;
    info.end = ACTPASS_PROTOCOL;
    info.peer_subject = "CN=<img src=x onerror=alert(1)>\"\\";
    info.alpn = "\xff\x01";
    info.decided_us = 1500;
    info.resumed = 1;
    snapshot_take_closed(&snapshot, &origin, &info, "it ended \"so\"");
    cJSON *json = json_of(&snapshot);
    cr_assert_str_eq(at(json, "state")->valuestring, "closed");
    cr_assert_str_eq(at(json, "role")->valuestring, "server");
    cr_assert_str_eq(at(json, "cause")->valuestring, "glare_lost");
    cr_assert_str_eq(at(json, "reason")->valuestring, "PROTOCOL");
    cr_assert_str_eq(at(json, "error")->valuestring, "it ended \"so\"");
    cr_assert_str_eq(at(json, "subject")->valuestring, info.peer_subject);
    cr_assert_str_eq(at(json, "alpn")->valuestring, "\xef\xbf\xbd\x01");
    cr_assert(cJSON_IsTrue(at(json, "dialed")) && cJSON_IsTrue(at(json, "resumed")));
    cr_assert_eq(at(at(json, "timeline"), "verdict")->valuedouble, 1.5);
    cr_assert_geq(at(at(json, "timeline"), "end")->valuedouble, 0);
    cJSON_Delete(json);
}

Test(snapshot, long_texts_are_cut)
{
    struct snapshot snapshot;
    char longest[2000];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    const struct snapshot_origin origin = {.service = "gate"};
    actpass_info_t info = info_of(ACTPASS_ROLE_CLIENT);
    info.peer_subject = info.alpn = info.server_name = info.peer_address = longest;
    snapshot_take_closed(&snapshot, &origin, &info, longest);
    cr_assert_eq(strlen(snapshot.subject), sizeof(snapshot.subject) - 1);
    cr_assert_eq(strlen(snapshot.alpn), sizeof(snapshot.alpn) - 1);
    cr_assert_eq(strlen(snapshot.server_name), sizeof(snapshot.server_name) - 1);
    cr_assert_eq(strlen(snapshot.error), sizeof(snapshot.error) - 1);
    cr_assert_str_eq(snapshot.fingerprint, "");
}
