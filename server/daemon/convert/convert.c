#include "server/daemon/convert/convert.h"

#include "server/daemon/convert/ghostunnel.h"
#include "server/daemon/convert/hitch.h"
#include "server/daemon/convert/stunnel.h"

#include <stdlib.h>

static bool read_input(struct reader *reader, const struct convert_input *input)
{
    switch (input->format) {
    case CONVERT_STUNNEL:
        return stunnel_read(reader, input->text, input->length);
    case CONVERT_HITCH:
        return hitch_read(reader, input->text, input->length);
    case CONVERT_GHOSTUNNEL:
        return ghostunnel_read(reader, input->arguments, input->argument_count);
    default:
        return false;
    }
}

static void convert(struct draft *draft, const struct settings *settings,
                    enum convert_format format)
{
    static void (*const converters[])(struct draft *, const struct settings *) = {
        [CONVERT_STUNNEL] = stunnel_convert,
        [CONVERT_HITCH] = hitch_convert,
        [CONVERT_GHOSTUNNEL] = ghostunnel_convert};
    converters[format](draft, settings);
    if (draft->errors == 0 && cJSON_GetArraySize(draft->services) == 0)
        draft_error(draft, &settings->sections[0]->place, "there is no service to convert");
}

char *convert_text(const struct convert_input *input, enum draft_files files, FILE *said,
                   size_t *lost)
{
    struct draft draft;
    struct settings settings = {0};
    struct reader reader = {.draft = &draft, .settings = &settings, .place = {.file = input->file}};
    char *text = NULL;
    if (draft_begin(&draft, said, files) && read_input(&reader, input))
        convert(&draft, &settings, input->format);
    if (draft.errors == 0 && settings.count > 0)
        text = draft_text_of(&draft);
    if (!text && draft.errors == 0)
        (void)fputs("actpass: out of memory\n", said);
    *lost = draft.lost;
    settings_free(&settings);
    reader_end(&reader);
    draft_free(&draft);
    return text;
}
