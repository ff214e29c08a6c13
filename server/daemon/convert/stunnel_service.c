/* Timeouts and sockets of stunnel's services, and what several files of the converter use. */
#include "server/daemon/convert/stunnel_internal.h"

#include "server/daemon/convert/values.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool stunnel_yes(struct draft *draft, const struct section *section, const char *name,
                 bool fallback)
{
    const struct setting *setting = section_last(section, name);
    if (!setting)
        return fallback;
    bool yes = strcasecmp(setting->value, "yes") == 0;
    if (!yes && strcasecmp(setting->value, "no") != 0)
        draft_error(draft, &setting->place, "%s: expected yes or no", name);
    return yes;
}

void stunnel_say(struct draft *draft, cJSON *object, const struct section *section,
                 const char *name, enum option_fate fate, const char *text)
{
    draft_say(draft, stunnel_options, object, section, name, fate, text);
}

void stunnel_copy(struct draft *draft, cJSON *object, const struct section *section,
                  const char *name, const char *key)
{
    const char *value = section_value(section, name);
    if (value && *value)
        draft_text(draft, object, key, value);
}

void stunnel_timeouts(struct draft *draft, cJSON *service, const struct section *section)
{
    static const struct {
        const char *option, *key;
    } timeouts[] = {{"TIMEOUTconnect", "connect_timeout"},
                    {"TIMEOUTbusy", "handshake_timeout"},
                    {"TIMEOUTidle", "idle_timeout"},
                    {"TIMEOUTclose", "close_timeout"}};
    struct value_text duration;
    for (size_t i = 0; i < sizeof(timeouts) / sizeof(*timeouts); i++) {
        const struct setting *setting = section_last(section, timeouts[i].option);
        bool may_be_zero = i == 3;
        if (!setting)
            continue;
        if (!value_seconds(setting->value, &duration))
            draft_error(draft, &setting->place, "%s: expected a number of seconds",
                        timeouts[i].option);
        else if (!may_be_zero && strcmp(duration.text, "0s") == 0)
            stunnel_say(draft, service, section, timeouts[i].option, OPTION_LOST,
                        "it must be at least a second");
        else
            draft_text(draft, service, timeouts[i].key, duration.text);
    }
    if (!section_last(section, "TIMEOUTidle")) {
        draft_comment(draft, service, "The default of stunnel; that of actpass is 1h");
        draft_text(draft, service, "idle_timeout", "12h");
    }
}

/* ---- Sockets -------------------------------------------------------------------------------- */

/* The value behind PREFIX, or NULL. */
static const char *after(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncasecmp(text, prefix, length) == 0 ? text + length : NULL;
}

static bool is_needless(const char *option)
{
    static const char *const needless[] = {"TCP_NODELAY=1",  "TCP_NODELAY=yes",
                                           "SO_REUSEADDR=1", "SO_REUSEADDR=yes",
                                           "SO_KEEPALIVE=0", "SO_KEEPALIVE=no"};
    for (size_t i = 0; i < sizeof(needless) / sizeof(*needless); i++)
        if (strcasecmp(option, needless[i]) == 0)
            return true;
    return false;
}

static bool convert_keepalive(struct draft *draft, cJSON *service, const char *option)
{
    static const struct {
        const char *prefix, *key;
    } times[] = {{"TCP_KEEPIDLE=", "idle"}, {"TCP_KEEPINTVL=", "interval"}};
    unsigned long probes = 0;
    struct value_text duration;
    if (strcasecmp(option, "SO_KEEPALIVE=1") == 0 || strcasecmp(option, "SO_KEEPALIVE=yes") == 0)
        return draft_object(draft, service, "keepalive");
    const char *count = after(option, "TCP_KEEPCNT=");
    if (count && value_number(count, 127, &probes) && probes > 0) {
        draft_number(draft, draft_object(draft, service, "keepalive"), "probes", (double)probes);
        return true;
    }
    for (size_t i = 0; i < 2; i++) {
        const char *seconds = after(option, times[i].prefix);
        if (seconds && value_seconds(seconds, &duration)) {
            draft_text(draft, draft_object(draft, service, "keepalive"), times[i].key,
                       duration.text);
            return true;
        }
    }
    return false;
}

void stunnel_sockets(struct draft *draft, cJSON *service, const struct section *section)
{
    const struct setting *setting = section_next(section, "socket", NULL);
    for (; setting; setting = section_next(section, "socket", setting)) {
        const char *option = strchr(setting->value, ':');
        if (!option)
            draft_error(draft, &setting->place, "socket: expected a|l|r:OPTION=VALUE");
        else if (!is_needless(option + 1) && !convert_keepalive(draft, service, option + 1))
            draft_remark(draft, service, option_find(stunnel_options, "socket"), setting,
                         OPTION_LOST, "this option of sockets cannot be set");
    }
}
