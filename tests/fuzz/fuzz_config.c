/* Loads any bytes as a configuration, as JSON and as JSONC. There must be no crash and no leak, and
 * a configuration exactly if there is no error. What is good JSON is good JSONC. */
#include "config/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool load(const char *name, const uint8_t *data, size_t size)
{
    struct config_report report;
    struct config *config = config_parse(name, (const char *)data, size, &report);
    bool loaded = config;
    if (loaded != (report.errors.count == 0))
        abort();
    config_free(config);
    config_report_free(&report);
    return loaded;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool json = load("fuzz.json", data, size);
    bool jsonc = load("fuzz.jsonc", data, size);
    if (json && !jsonc)
        abort();
    return 0;
}
