/* Any text as the configuration of stunnel (first byte s), of hitch (h), or, one a line, as flags
 * of ghostunnel. No file is looked at. What comes out must be JSON, and something is said where
 * nothing comes out. */
#include "config/config.h"
#include "server/daemon/convert/convert.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t split(char *text, char *arguments[ARGUMENTS_MAX])
{
    size_t count = 0;
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line && count < ARGUMENTS_MAX;
         line = strsep(&rest, "\n"))
        arguments[count++] = line;
    return count;
}

/* Our reader takes it as JSON with comments, whatever it thinks of the values. */
static void check(const char *text)
{
    struct config_report report;
    struct config *config = config_parse("convert.jsonc", text, strlen(text), &report);
    for (size_t i = 0; i < report.message_count; i++)
        if (!report.messages[i].key)
            abort();
    config_free(config);
    config_report_free(&report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *arguments[ARGUMENTS_MAX], *said_text = NULL;
    size_t said_size = 0, lost = 0;
    char *copy = size ? strndup((const char *)data + 1, size - 1) : NULL;
    FILE *said = open_memstream(&said_text, &said_size);
    if (copy && said) {
        struct convert_input input = {
            .format = data[0] == 's'   ? CONVERT_STUNNEL
                      : data[0] == 'h' ? CONVERT_HITCH
                                       : CONVERT_GHOSTUNNEL,
            .file = "fuzz",
            .text = (const char *)data + 1,
            .length = size - 1,
            .arguments = arguments,
        };
        input.argument_count = split(copy, arguments);
        char *text = convert_text(&input, DRAFT_NO_FILES, said, &lost);
        (void)fflush(said);
        if (!text && said_size == 0)
            abort();
        if (text)
            check(text);
        free(text);
    }
    if (said)
        (void)fclose(said);
    free(said_text);
    free(copy);
    return 0;
}
