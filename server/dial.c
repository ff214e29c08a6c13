/* Opening a connection for actpass_connect. */
#include "server/dialing/connect.h"
#include "server/settings.h"

#include <stdio.h>

struct failure {
    const char *address; /* as the caller wrote it */
    char *text;
    size_t size;
};

/* The last one stays. */
static void note_failure(void *arg, const char *address, const char *why)
{
    const struct failure *failure = arg;
    (void)address;
    (void)snprintf(failure->text, failure->size, "cannot connect to %s: %s", failure->address, why);
}

int settings_dial(actpass_config *config, const char *text)
{
    struct config_address address;
    struct failure failure = {text, config->error.text, sizeof(config->error.text)};
    const char *wrong = config_address_parse(text, &address);
    if (wrong != NULL) {
        (void)snprintf(failure.text, failure.size, "%s: %s", text, wrong);
        return -1;
    }
    struct dial dial = {.addresses = &address,
                        .count = 1,
                        .timeout_ms = config->connect_timeout_ms,
                        .cancel_fd = -1,
                        .ear = {.failed = note_failure, .arg = &failure}};
    struct candidate winner;
    int fd = dial_connect(&dial, &winner);
    config_address_free(&address);
    return fd;
}
