#include "config/document.h"

#include <stdlib.h>
#include <string.h>

/* Gives each place its item. False if the two trees differ in shape, which would be a bug. */
static bool join(struct place *place, const cJSON *item)
{
    const cJSON *child_item = item->child;
    place->item = item;
    for (struct place *child = place->child; child; child = child->next) {
        if (!child_item || !join(child, child_item))
            return false;
        child_item = child_item->next;
    }
    return !child_item;
}

static int compare_names(const void *left, const void *right)
{
    const struct place *a = *(struct place *const *)left;
    const struct place *b = *(struct place *const *)right;
    int order = strcmp(a->item->string, b->item->string);
    if (order == 0)
        order = a->index < b->index ? -1 : 1;
    return order;
}

/* Sorting keeps a hostile file with very many keys cheap. */
static void find_duplicates(struct place *object, struct messages *messages)
{
    size_t count = 0;
    for (const struct place *child = object->child; child; child = child->next)
        count++;
    if (count < 2)
        return;
    struct place **sorted = calloc(count, sizeof(struct place *));
    if (!sorted) {
        messages->out_of_memory = true;
        return;
    }
    count = 0;
    for (struct place *child = object->child; child; child = child->next)
        sorted[count++] = child;
    qsort(sorted, count, sizeof(struct place *), compare_names);
    const struct place *first = sorted[0];
    for (size_t i = 1; i < count; i++) {
        if (strcmp(first->item->string, sorted[i]->item->string) != 0) {
            first = sorted[i];
            continue;
        }
        sorted[i]->duplicate = true;
        messages_error_at_key(messages, sorted[i], "duplicate key, first given at %u:%u",
                              first->key.line, first->key.column);
    }
    free(sorted);
}

static void find_all_duplicates(struct place *place, struct messages *messages)
{
    if (cJSON_IsObject(place->item))
        find_duplicates(place, messages);
    for (struct place *child = place->child; child; child = child->next)
        find_all_duplicates(child, messages);
}

static bool is_jsonc(const char *file)
{
    static const char ending[] = ".jsonc";
    size_t length = strlen(file), size = strlen(ending);
    return length > size && strcmp(file + length - size, ending) == 0;
}

static void read_text(struct messages *messages, const struct scan_text *text)
{
    struct origin_file *file = &messages->origin->files[text->file];
    struct fault fault;
    struct place *root = scan_json(text, &fault);
    if (!root) {
        messages_error_plain(messages, fault.at, fault.error.text);
        return;
    }
    file->json = cJSON_ParseWithLength(text->plain ? text->plain : text->bytes, text->length);
    if (!file->json || !join(root, file->json)) {
        messages->out_of_memory = true; /* what passed the scan, cJSON refuses for no other cause */
        place_free(root);
        return;
    }
    file->root = root;
    find_all_duplicates(root, messages);
}

void document_read(struct messages *messages, unsigned file, const char *text, size_t length)
{
    bool jsonc = is_jsonc(messages->origin->files[file].name);
    char *plain = jsonc ? malloc(length + 1) : NULL;
    if (jsonc && !plain) {
        messages->out_of_memory = true;
        return;
    }
    if (plain)
        memcpy(plain, text, length);
    read_text(messages, &(struct scan_text){text, length, plain, file});
    free(plain);
}
