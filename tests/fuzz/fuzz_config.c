/* Loads any bytes as a configuration. There must be no crash and no leak, and a configuration
 * exactly if there is no error. */
#include "config/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_report report;
    struct config *config = config_parse("fuzz.json", (const char *)data, size, &report);
    if (!config != (report.errors.count > 0))
        abort();
    config_free(config);
    config_report_free(&report);
    return 0;
}
