#include "config/include.h"

#include "config/document.h"
#include "config/internal.h"
#include "config/keys.h"
#include "config/read_file.h"
#include "config/value_type.h"
#include "config/variables.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILE_SIZE_MAX = 1048576, FILES_MAX = 1000, SIZE_MAX_OF_ALL = 16 * 1048576 };

struct inclusion {
    struct messages *messages;
    struct place *root, *place; /* place: the value of "include" */
    const char *folder;
    char *buffer; /* FILE_SIZE_MAX + 1 bytes */
    size_t size;  /* of all files so far */
};

/* ---- The services of one file --------------------------------------------------------------- */

/* A list that is moved: PARENT has none of that name. */
static void move_list(struct place *parent, struct place *from, struct place *list)
{
    struct place **link = &from->child;
    while (*link && *link != list)
        link = &(*link)->next;
    if (*link)
        *link = list->next;
    list->next = NULL;
    link = &parent->child;
    while (*link)
        link = &(*link)->next;
    *link = list;
}

static void move_items(struct place *to, struct place *from)
{
    struct place **link = &to->child;
    while (*link)
        link = &(*link)->next;
    *link = from->child;
    from->child = NULL;
}

static void take_services(const struct inclusion *inclusion, struct place *included)
{
    struct place *list = place_find(included, "services");
    struct place *before = place_find(inclusion->root, "services");
    if (!list)
        messages_error_at(inclusion->messages, included, "\"services\" is missing");
    else if (!cJSON_IsArray(list->item))
        value_wrong_type(inclusion->messages, list, "a list of objects");
    else if (!before)
        move_list(inclusion->root, included, list);
    else if (cJSON_IsArray(before->item))
        move_items(before, list);
}

static void check_key(const struct inclusion *inclusion, struct place *place)
{
    const char *name = place->item->string;
    struct position top = {0};
    if (strcmp(name, "services") == 0 || strcmp(name, "$schema") == 0)
        return;
    if (key_find(&config_object, name))
        messages_error_at_key(inclusion->messages, place,
                              "belongs into %s, which includes this file; here are only services",
                              origin_shown(inclusion->messages->origin, top));
    else
        messages_error_at_key(
            inclusion->messages, place,
            "unknown key; known in an included file: \"$schema\" and \"services\"");
}

static void take(const struct inclusion *inclusion, struct place *included)
{
    if (!cJSON_IsObject(included->item)) {
        value_wrong_type(inclusion->messages, included, "an object");
        return;
    }
    variables_expand(inclusion->messages, included);
    for (struct place *child = included->child; child; child = child->next)
        check_key(inclusion, child);
    take_services(inclusion, included);
}

/* ---- The files ------------------------------------------------------------------------------ */

static void fail(const struct inclusion *inclusion, unsigned file, const char *why)
{
    messages_error_plain(inclusion->messages, (struct position){.file = file}, why);
}

/* The text is in the buffer. */
static void read_text(struct inclusion *inclusion, unsigned file, size_t length)
{
    struct messages *messages = inclusion->messages;
    inclusion->size += length;
    if (length > FILE_SIZE_MAX) {
        fail(inclusion, file, "is larger than 1 MiB");
    } else if (inclusion->size > SIZE_MAX_OF_ALL) {
        fail(inclusion, file, "all included files together are larger than 16 MiB");
    } else {
        document_read(messages, file, inclusion->buffer, length);
        if (messages->origin->files[file].root)
            take(inclusion, messages->origin->files[file].root);
    }
}

/* The number of a file before it that is the same one, by another name or a link; or its own. */
static unsigned same_as(const struct origin *origin, unsigned file)
{
    const struct origin_file *files = origin->files;
    unsigned other = 0;
    while (other < file &&
           (!files[file].exists || !files[other].exists ||
            files[other].device != files[file].device || files[other].inode != files[file].inode))
        other++;
    return other;
}

static void read_one(struct inclusion *inclusion, const char *path)
{
    struct origin *origin = inclusion->messages->origin;
    char reason[128];
    struct error_text error;
    messages_note_source(inclusion->messages, path);
    if (!origin_add(origin, path)) {
        inclusion->messages->out_of_memory = true;
        return;
    }
    unsigned file = (unsigned)origin->count - 1;
    unsigned other = same_as(origin, file);
    if (other < file) {
        error_set(&error, "is the same file as %s", origin->files[other].shown);
        fail(inclusion, file, error.text);
        return;
    }
    ssize_t length = read_regular(path, inclusion->buffer, FILE_SIZE_MAX + 1);
    if (length < 0) {
        error_set(&error, "cannot be read: %s",
                  errno == EINVAL ? "it is no regular file"
                                  : strerror_r(errno, reason, sizeof(reason)));
        fail(inclusion, file, error.text);
        return;
    }
    read_text(inclusion, file, (size_t)length);
}

static int is_wanted(const struct dirent *entry)
{
    const char *ending = strrchr(entry->d_name, '.');
    return entry->d_name[0] != '.' && ending &&
           (strcmp(ending, ".json") == 0 || strcmp(ending, ".jsonc") == 0);
}

/* Not by the locale, as alphasort. */
static int compare_names(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

static void read_all(struct inclusion *inclusion, struct dirent **entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *path = NULL;
        if (asprintf(&path, "%s/%s", inclusion->folder, entries[i]->d_name) < 0) {
            inclusion->messages->out_of_memory = true;
            return;
        }
        read_one(inclusion, path);
        free(path);
    }
}

static void read_folder(struct inclusion *inclusion)
{
    char reason[128];
    struct dirent **entries = NULL;
    struct messages *messages = inclusion->messages;
    messages_note_source(messages, inclusion->folder);
    int count = scandir(inclusion->folder, &entries, is_wanted, compare_names);
    if (count < 0)
        messages_error_at(messages, inclusion->place, "the folder %s cannot be read: %s",
                          inclusion->folder, strerror_r(errno, reason, sizeof(reason)));
    else if (count > FILES_MAX)
        messages_error_at(messages, inclusion->place, "the folder %s holds more than %d files",
                          inclusion->folder, FILES_MAX);
    else if (count == 0)
        messages_warning_at(messages, inclusion->place,
                            "the folder %s holds no file whose name ends in .json or .jsonc",
                            inclusion->folder);
    else
        read_all(inclusion, entries, (size_t)count);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
}

void include_read(struct messages *messages, struct place *root)
{
    struct place *place = place_find(root, "include");
    const char *text = place && !place->unread ? cJSON_GetStringValue(place->item) : NULL;
    if (!text || *text == '\0')
        return;
    char *folder = text_path_beside(messages->origin->files[0].name, text);
    struct inclusion inclusion = {.messages = messages,
                                  .root = root,
                                  .place = place,
                                  .folder = folder,
                                  .buffer = malloc(FILE_SIZE_MAX + 1)};
    if (folder && inclusion.buffer)
        read_folder(&inclusion);
    else
        messages->out_of_memory = true;
    free(inclusion.buffer);
    free(folder);
}
