#include "config/internal.h"

#include <stdbool.h>
#include <string.h>

/* All fields that a line about a connection can have; server/daemon/report.c writes them. */
static const char *const fields[] = {
    "ts",      "level",    "service",  "conn",    "reason",        "rx",
    "tx",      "dur_ms",   "role",     "cause",   "role_ms",       "spoke_first",
    "peer",    "sni",      "proxy",    "address", "first_byte_ms", "handshake_ms",
    "handler", "backend",  "protocol", "cipher",  "group",         "backend_address",
    "alpn",    "route",    "reached",  "by",      "joined",        "id",
    "resumed", "syn_data", "error",    "subject", "fingerprint",   "through",
    "ocsp"};

static bool is_field(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (strlen(fields[i]) == length && memcmp(fields[i], name, length) == 0)
            return true;
    return false;
}

const char *config_access_next(const char *text, struct config_access_part *part)
{
    size_t plain = strcspn(text, "%");
    *part = (struct config_access_part){text, plain, CONFIG_ACCESS_TEXT};
    if (plain > 0 || *text == '\0')
        return text + plain;
    size_t name = text[1] == '[' ? strcspn(text + 2, "]") : 0;
    if (text[1] == '%')
        *part = (struct config_access_part){text, 1, CONFIG_ACCESS_TEXT};
    else if (name > 0 && text[2 + name] == ']' && is_field(text + 2, name))
        *part = (struct config_access_part){text + 2, name, CONFIG_ACCESS_FIELD};
    else
        *part = (struct config_access_part){text, 1, CONFIG_ACCESS_WRONG};
    return text + (part->kind == CONFIG_ACCESS_FIELD ? name + 3 : text[1] == '\0' ? 1 : 2);
}

const char *config_access_wrong(const char *text)
{
    struct config_access_part part = {.kind = CONFIG_ACCESS_TEXT};
    while (*text != '\0' && part.kind != CONFIG_ACCESS_WRONG)
        text = config_access_next(text, &part);
    return part.kind != CONFIG_ACCESS_WRONG
               ? NULL
               : "holds a % that begins no field: write %[NAME] with a field of the line about a "
                 "connection, such as %[peer], %[reason], %[rx], %[tx], %[dur_ms] "
                 "(config/OPERATING.md, \"The log\", has all), or %% for a percent sign";
}
