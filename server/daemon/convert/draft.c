#include "server/daemon/convert/draft.h"

#include "config/error_text.h"
#include "config/text.h"
#include "server/daemon/convert/write.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_SHOWN_MAX = 80 };

bool draft_begin(struct draft *draft, FILE *said, enum draft_files files)
{
    *draft = (struct draft){.root = cJSON_CreateObject(), .said = said, .files = files};
    draft->services = cJSON_CreateArray(); /* the last member: draft_text_of adds it */
    draft->no_memory = !draft->root || !draft->services;
    return !draft->no_memory;
}

void draft_free(struct draft *draft)
{
    cJSON_Delete(draft->root);
    cJSON_Delete(draft->services);
    *draft = (struct draft){0};
}

/* ITEM is OBJECT's, or freed. */
static cJSON *add(struct draft *draft, cJSON *object, const char *name, cJSON *item)
{
    if (item && cJSON_AddItemToObject(object, name, item))
        return item;
    cJSON_Delete(item);
    draft->no_memory = true;
    return NULL;
}

static cJSON *append(struct draft *draft, cJSON *list, cJSON *item)
{
    if (item && cJSON_AddItemToArray(list, item))
        return item;
    cJSON_Delete(item);
    draft->no_memory = true;
    return NULL;
}

char *draft_text_of(struct draft *draft)
{
    if (draft->services && add(draft, draft->root, "services", draft->services))
        draft->services = NULL;
    return draft->no_memory ? NULL : write_jsonc(draft->root);
}

cJSON *draft_service(struct draft *draft, const char *name)
{
    cJSON *service = append(draft, draft->services, cJSON_CreateObject());
    draft_text(draft, service, "name", name);
    return service;
}

/* The member of that name, or a new one made by MAKE. */
static cJSON *member(struct draft *draft, cJSON *object, const char *name, cJSON *(*make)(void))
{
    cJSON *found = cJSON_GetObjectItemCaseSensitive(object, name);
    return found ? found : add(draft, object, name, make());
}

cJSON *draft_object(struct draft *draft, cJSON *object, const char *name)
{
    return member(draft, object, name, cJSON_CreateObject);
}

/* With "$${" for "${", which would begin a variable. */
static cJSON *literal(const char *text)
{
    char *escaped = malloc(2 * strlen(text) + 1);
    char *to = escaped;
    if (!escaped)
        return NULL;
    for (; *text; text++) {
        if (text[0] == '$' && text[1] == '{')
            *to++ = '$';
        *to++ = *text;
    }
    *to = '\0';
    cJSON *item = cJSON_CreateString(escaped);
    free(escaped);
    return item;
}

void draft_text(struct draft *draft, cJSON *object, const char *name, const char *text)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    (void)add(draft, object, name, literal(text));
}

void draft_number(struct draft *draft, cJSON *object, const char *name, double number)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    (void)add(draft, object, name, cJSON_CreateNumber(number));
}

void draft_true(struct draft *draft, cJSON *object, const char *name)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    (void)add(draft, object, name, cJSON_CreateTrue());
}

void draft_item(struct draft *draft, cJSON *object, const char *name, const char *text)
{
    (void)append(draft, member(draft, object, name, cJSON_CreateArray), literal(text));
}

cJSON *draft_item_object(struct draft *draft, cJSON *object, const char *name)
{
    return append(draft, member(draft, object, name, cJSON_CreateArray), cJSON_CreateObject());
}

/* ---- What is said --------------------------------------------------------------------------- */

static void comment(struct draft *draft, cJSON *object, const char *text)
{
    char *shown = text_show(text, TEXT_LINE_MAX);
    (void)add(draft, object, WRITE_COMMENT, shown ? cJSON_CreateString(shown) : NULL);
    free(shown);
}

void draft_comment(struct draft *draft, cJSON *object, const char *format, ...)
{
    struct error_text text;
    va_list arguments;
    va_start(arguments, format);
    (void)error_vset(&text, format, arguments);
    va_end(arguments);
    comment(draft, object, text.text);
}

/* "FILE:LINE: ", or "FILE: ". The caller frees it. */
static char *place_text(const struct setting_place *place)
{
    char *text = NULL;
    char *shown = text_show(place->file, TEXT_PATH_MAX);
    int length = -1;
    if (shown)
        length = place->line ? asprintf(&text, "%s:%u: ", shown, place->line)
                             : asprintf(&text, "%s: ", shown);
    free(shown);
    return length < 0 ? NULL : text;
}

/* "NAME = VALUE", or the name alone. The caller frees it. */
static char *setting_text(const struct convert_option *option, const struct setting *setting)
{
    char *text = NULL;
    char *shown = text_show(option->secret ? "(secret)" : setting->value, VALUE_SHOWN_MAX);
    int length = -1;
    if (shown)
        length = *shown ? asprintf(&text, "%s = %s", option->name, shown)
                        : asprintf(&text, "%s", option->name);
    free(shown);
    return length < 0 ? NULL : text;
}

static const char *fate_word(enum option_fate fate)
{
    static const char *const words[] = {[OPTION_SAME] = "converted",
                                        [OPTION_OTHER] = "converted",
                                        [OPTION_NEEDLESS] = "not needed",
                                        [OPTION_LOST] = "LOST",
                                        [OPTION_REFUSED] = "LEFT OUT"};
    return words[fate];
}

void draft_remark(struct draft *draft, cJSON *object, const struct convert_option *option,
                  const struct setting *setting, enum option_fate fate, const char *format, ...)
{
    struct error_text why;
    char *line = NULL;
    va_list arguments;
    va_start(arguments, format);
    (void)error_vset(&why, format, arguments);
    va_end(arguments);
    char *place = place_text(&setting->place);
    char *what = setting_text(option, setting);
    if (!place || !what ||
        asprintf(&line, "%s%s: %s: %s", place, what, fate_word(fate), why.text) < 0) {
        line = NULL;
        draft->no_memory = true;
    } else {
        comment(draft, object, line);
    }
    if (line && fate >= OPTION_LOST) {
        draft->lost++;
        (void)fprintf(draft->said, "%s\n", line);
    }
    free(place);
    free(what);
    free(line);
}

void draft_say_all(struct draft *draft, const struct convert_option *options, cJSON *object,
                   const struct section *section)
{
    for (size_t i = 0; i < section->count; i++) {
        const struct setting *setting = &section->settings[i];
        const struct convert_option *option = option_find(options, setting->name);
        if (option && option_is_said(option, setting->value))
            draft_remark(draft, object, option, setting, option->fate, "%s", option->remark);
    }
}

void draft_say(struct draft *draft, const struct convert_option *options, cJSON *object,
               const struct section *section, const char *name, enum option_fate fate,
               const char *text)
{
    const struct setting *setting = section_last(section, name);
    const struct convert_option *option = option_find(options, name);
    const char *remark = option && option->remark ? option->remark : "";
    if (setting && option)
        draft_remark(draft, object, option, setting, fate, "%s", text ? text : remark);
}

bool draft_error(struct draft *draft, const struct setting_place *place, const char *format, ...)
{
    struct error_text why;
    va_list arguments;
    va_start(arguments, format);
    (void)error_vset(&why, format, arguments);
    va_end(arguments);
    char *where = place_text(place);
    (void)fprintf(draft->said, "%s%s\n", where ? where : "", why.text);
    free(where);
    draft->errors++;
    return false;
}
