/* Connections that a service dials by itself: persistent, periodic, retry; and when their backend
 * is connected. */
#include "config/check.h"
#include "config/internal.h"

static void check_longer(const struct checked_service *checked, struct place *place,
                         const char *shorter, int64_t short_ms, const char *longer, int64_t long_ms)
{
    if (short_ms > long_ms)
        messages_error_at(checked->messages, place,
                          "\"%s\" (%s) must not be longer than \"%s\" (%s)", shorter,
                          duration_print(short_ms).text, longer, duration_print(long_ms).text);
}

static bool is_read(const struct place *place)
{
    return place && !place->bad;
}

static void check_retry(const struct checked_service *checked)
{
    const struct config_dial *dial = &checked->service->dial;
    struct place *retry = place_find(checked->place, "retry");
    const struct place *persistent = place_find(checked->place, "persistent");
    const struct place *periodic = place_find(checked->place, "periodic");
    bool known = !(persistent && persistent->bad) && !(periodic && periodic->bad);
    if (!is_read(retry))
        return;
    if (checked->dial && known && !config_dial_is_kept(dial))
        messages_error_at_key(checked->messages, retry,
                              "only goes with \"persistent\" or \"periodic\", remove it");
    check_longer(checked, retry, "min", dial->retry_min_ms, "max", dial->retry_max_ms);
}

static void check_persistent(const struct checked_service *checked)
{
    const struct config_dial *dial = &checked->service->dial;
    struct place *persistent = place_find(checked->place, "persistent");
    if (!is_read(persistent) || !cJSON_IsObject(persistent->item))
        return;
    if (dial->keep.spare > dial->keep.max)
        messages_error_at(checked->messages, persistent,
                          "\"spare\" (%llu) must not be more than \"max\" (%llu)",
                          (unsigned long long)dial->keep.spare, (unsigned long long)dial->keep.max);
}

static void check_periodic(const struct checked_service *checked)
{
    const struct config_keep *keep = &checked->service->dial.keep;
    struct place *periodic = place_find(checked->place, "periodic");
    if (is_read(periodic))
        check_longer(checked, periodic, "window", keep->window_ms, "every", keep->every_ms);
}

static void check_start(const struct checked_service *checked)
{
    struct place *start = place_find(checked->place, "start");
    if (is_read(start) && !config_has_handler(checked->service, CONFIG_HANDLER_FORWARD))
        messages_error_at_key(checked->messages, start, "only goes with \"forward\", remove it");
}

void check_keep(const struct checked_service *checked)
{
    check_retry(checked);
    check_persistent(checked);
    check_periodic(checked);
    check_start(checked);
}
