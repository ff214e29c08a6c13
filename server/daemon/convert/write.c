#include "server/daemon/convert/write.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INDENT = 4, DEPTH_MAX = 16 };

static bool is_comment(const cJSON *item)
{
    return item->string && strcmp(item->string, WRITE_COMMENT) == 0;
}

static bool is_nested(const cJSON *item)
{
    const cJSON *child = NULL;
    bool has_object = cJSON_IsObject(item);
    if (cJSON_IsArray(item))
        cJSON_ArrayForEach(child, item) has_object = has_object || cJSON_IsObject(child);
    return has_object;
}

/* False: out of memory. */
static bool write_plain(FILE *out, const cJSON *item)
{
    char *text = cJSON_PrintUnformatted(item);
    bool written = text && fputs(text, out) >= 0;
    cJSON_free(text);
    return written;
}

static bool write_name(FILE *out, const cJSON *item)
{
    cJSON *name = cJSON_CreateStringReference(item->string);
    bool written = name && write_plain(out, name) && fputs(": ", out) >= 0;
    cJSON_Delete(name);
    return written;
}

/* The last one that is no comment. */
static const cJSON *last_value(const cJSON *container)
{
    const cJSON *item = NULL, *last = NULL;
    cJSON_ArrayForEach(item, container)
    {
        last = is_comment(item) ? last : item;
    }
    return last;
}

static bool write_value(FILE *out, const cJSON *item, int depth);

static bool write_member(FILE *out, const cJSON *item, int depth, const char *end)
{
    (void)fprintf(out, "%*s", depth * INDENT, "");
    if (is_comment(item))
        return fprintf(out, "// %s\n", item->valuestring) > 0;
    return (!item->string || write_name(out, item)) && write_value(out, item, depth) &&
           fprintf(out, "%s\n", end) > 0;
}

/* A list of texts, in one line. */
static bool write_list(FILE *out, const cJSON *list)
{
    const cJSON *item = NULL;
    bool written = fputc('[', out) != EOF;
    cJSON_ArrayForEach(item, list) written =
        written && write_plain(out, item) && (!item->next || fputs(", ", out) >= 0);
    return written && fputc(']', out) != EOF;
}

static bool write_value(FILE *out, const cJSON *item, int depth)
{
    if (cJSON_IsArray(item) && !is_nested(item))
        return write_list(out, item);
    if (!is_nested(item) || depth >= DEPTH_MAX)
        return write_plain(out, item);
    const char *brackets = cJSON_IsObject(item) ? "{}" : "[]";
    const cJSON *last = last_value(item);
    const cJSON *member = NULL;
    bool written = fprintf(out, "%c\n", brackets[0]) > 0;
    cJSON_ArrayForEach(member, item) written =
        written && write_member(out, member, depth + 1, member == last ? "" : ",");
    return written && fprintf(out, "%*s%c", depth * INDENT, "", brackets[1]) > 0;
}

char *write_jsonc(const cJSON *root)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    bool written = write_value(out, root, 0) && fputc('\n', out) != EOF;
    if (fclose(out) == 0 && written)
        return text;
    free(text);
    return NULL;
}
