#include "server/daemon/certificates.h"

#include "server/lib/parsed.h"

#include <stdio.h>
#include <string.h>

enum { PLACE_MAX = 96 };

struct finder {
    const struct config *config;
    struct config_report *report;
    size_t service; /* of the finding */
};

/* TEXT without the key's last part, which the message names before it. */
static const char *without_key(const char *key, const char *text)
{
    const char *slash = strrchr(key, '/');
    const char *last = slash ? slash + 1 : key;
    size_t length = strlen(last);
    if (strncmp(text, last, length) != 0 || (text[length] != ' ' && text[length] != ':'))
        return text;
    text += length + (text[length] == ':');
    return text + strspn(text, " ");
}

/* Without "key", the key is in the certificate's file; and that may be written alone, as an item of
 * a list. Returns the place, which may be in BUFFER. */
static const char *place_of(const struct finder *finder, const char *key, char buffer[PLACE_MAX])
{
    const char *slash = strrchr(key, '/');
    if (!slash || config_has_place(finder->config, finder->service, key))
        return key;
    (void)snprintf(buffer, PLACE_MAX, "%.*s/certificate", (int)(slash - key), key);
    if (strcmp(slash, "/key") == 0 && config_has_place(finder->config, finder->service, buffer))
        return buffer;
    buffer[slash - key] = '\0';
    return config_has_place(finder->config, finder->service, buffer) ? buffer : key;
}

static void note(size_t service, enum config_severity severity, const char *key, const char *text,
                 void *arg)
{
    struct finder *finder = arg;
    char buffer[PLACE_MAX];
    finder->service = service;
    key = place_of(finder, key, buffer);
    bool known = config_has_place(finder->config, finder->service, key);
    config_report_add_at(finder->report, severity, finder->config, finder->service, key, "%s",
                         known ? without_key(key, text) : text);
}

void certificates_check(const struct config *config, struct config_report *report)
{
    struct finder finder = {.config = config, .report = report};
    parsed_inspect(config, note, &finder);
}

void certificates_report(struct config_report *report, const struct config *config, size_t service,
                         const char *text)
{
    char key[PLACE_MAX];
    (void)snprintf(key, sizeof(key), "tls/%.*s", (int)strcspn(text, " :"), text);
    bool known = config_has_place(config, service, key);
    config_report_add_at(report, CONFIG_ERROR, config, service, known ? key : "tls", "%s",
                         known ? without_key(key, text) : text);
}
