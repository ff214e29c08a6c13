#include "config/certificate_folder.h"

#include "config/file_form.h"
#include "config/internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool certificate_folder_is(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), size = strlen(ending);
    return length >= size && strcmp(text + length - size, ending) == 0;
}

static int is_candidate(const struct dirent *entry)
{
    static const char *const others[] = {".key", ".ocsp", ".issuer", ".sctl", "~"};
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (ends_with(entry->d_name, others[i]))
            return 0;
    return entry->d_name[0] != '.';
}

/* The file of that name if it is there; the caller frees it. */
static char *if_there(char *path)
{
    if (path && access(path, F_OK) == 0)
        return path;
    free(path);
    return NULL;
}

/* PATH without its last LENGTH bytes, and .key behind. */
static char *with_key(const char *path, size_t length)
{
    char *made = NULL;
    int kept = (int)(strlen(path) - length);
    return asprintf(&made, "%.*s.key", kept, path) < 0 ? NULL : made;
}

/* NULL: out of memory. */
static char *key_of(const char *path)
{
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    if (file_form_look(path).key)
        return strdup(path);
    char *key = if_there(with_key(path, 0));
    if (!key && dot && (!slash || dot > slash))
        key = if_there(with_key(path, strlen(dot)));
    return key ? key : strdup(path);
}

/* Returns 0, or an errno. */
static int add(struct certificate_folder *list, const char *folder, const char *name)
{
    struct config_certificate item = {.key = NULL};
    struct stat status;
    size_t length = strlen(folder);
    if (asprintf(&item.certificate, "%s%s%s", folder,
                 length > 0 && folder[length - 1] == '/' ? "" : "/", name) < 0)
        return ENOMEM;
    bool is_file = stat(item.certificate, &status) != 0 || S_ISREG(status.st_mode);
    item.key = is_file ? key_of(item.certificate) : NULL;
    if (!item.key) { /* a folder, a socket, or no memory */
        free(item.certificate);
        return is_file ? ENOMEM : 0;
    }
    list->items[list->count++] = item;
    return 0;
}

static int add_all(struct certificate_folder *list, const char *folder, struct dirent **entries,
                   int count)
{
    int error = 0;
    if (count > CERTIFICATE_FOLDER_MAX)
        return E2BIG;
    list->items = calloc((size_t)count + 1, sizeof(*list->items));
    if (!list->items)
        return ENOMEM;
    for (int i = 0; i < count && error == 0; i++)
        error = add(list, folder, entries[i]->d_name);
    return error;
}

static int by_name(const struct dirent **one, const struct dirent **other)
{
    return strcmp((*one)->d_name, (*other)->d_name);
}

int certificate_folder_read(const char *folder, struct certificate_folder *list)
{
    struct dirent **entries = NULL;
    struct certificate_folder found = {.items = NULL};
    int count = scandir(folder, &entries, is_candidate, by_name);
    if (count < 0)
        return errno;
    int error = add_all(&found, folder, entries, count);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    if (error == 0)
        *list = found;
    else
        certificate_folder_free(&found);
    return error;
}

bool certificate_folder_has_key(const struct config_certificate *item, struct error_text *error)
{
    const struct file_form form = file_form_look(item->certificate);
    if (strcmp(item->key, item->certificate) != 0 || !form.certificate || form.key)
        return true;
    return error_set(error,
                     "certificate %s holds no private key, and there is no %s.key: put the key in "
                     "one of them, or remove the certificate",
                     item->certificate, item->certificate);
}

void certificate_folder_free(struct certificate_folder *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].certificate);
        free(list->items[i].key);
    }
    free(list->items);
    *list = (struct certificate_folder){.items = NULL};
}
