#include "server/daemon/convert/options.h"

#include "config/internal.h"

#include <strings.h>

enum { MAX_OPTIONS = 256 };

const struct convert_option *option_find(const struct convert_option *options, const char *name)
{
    for (; options->name; options++)
        if (strcasecmp(options->name, name) == 0)
            return options;
    return NULL;
}

const char *option_nearest(const struct convert_option *options, const char *name)
{
    const char *names[MAX_OPTIONS + 1] = {NULL};
    for (size_t i = 0; i < MAX_OPTIONS && options[i].name; i++)
        names[i] = options[i].name;
    return suggest_key(name, names);
}

bool option_is_said(const struct convert_option *option, const char *value)
{
    return option->fate != OPTION_SAME && option->said == OPTION_SAID_ALWAYS &&
           !(option->unless && strcasecmp(option->unless, value) == 0);
}

static const char *fate_text(enum option_fate fate)
{
    static const char *const texts[] = {[OPTION_SAME] = "same",
                                        [OPTION_OTHER] = "converted",
                                        [OPTION_NEEDLESS] = "not needed",
                                        [OPTION_LOST] = "**lost**",
                                        [OPTION_REFUSED] = "**refused**"};
    return texts[fate];
}

void options_print(FILE *out, const struct convert_option *options)
{
    (void)fputs("| option | | ours | |\n|---|---|---|---|\n", out);
    for (; options->name; options++)
        (void)fprintf(out, "| `%s` | %s | %s | %s |\n", options->name, fate_text(options->fate),
                      options->ours ? options->ours : "", options->remark ? options->remark : "");
}
