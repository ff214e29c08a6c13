#include "config/internal.h"

#include <inttypes.h>
#include <stdio.h>

static const struct unit {
    const char *name;
    int64_t ms;
} units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

bool duration_parse(const char *text, int64_t *ms)
{
    size_t digits = strspn(text, "0123456789");
    int64_t value = 0;
    if (digits == 0 || (text[0] == '0' && digits > 1))
        return false;
    for (size_t i = 0; i < digits; i++)
        value = value > DURATION_MAX ? value : value * 10 + (text[i] - '0');
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        if (strcmp(text + digits, units[i].name) != 0)
            continue;
        *ms = value > DURATION_MAX ? INT64_MAX : value * units[i].ms;
        return true;
    }
    return false;
}

struct duration_text duration_print(int64_t ms)
{
    struct duration_text result = {"0s"};
    for (size_t i = 0; ms > 0 && i < sizeof(units) / sizeof(*units); i++) {
        if (ms % units[i].ms != 0)
            continue;
        (void)snprintf(result.text, sizeof(result.text), "%" PRId64 "%s", ms / units[i].ms,
                       units[i].name);
        break;
    }
    return result;
}
