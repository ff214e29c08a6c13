#include "server/lib/tls/served_list.h"

#include "config/certificate_folder.h"
#include "config/internal.h"
#include "server/lib/base/error.h"
#include "server/lib/tls/own_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- One certificate ----------------------------------------------------------------------- */

static bool copy_names(const struct config_strings *names, struct choice *choice)
{
    for (size_t i = 0; i < names->count; i++) {
        char *copy = strdup(names->items[i]);
        if (!copy || !config_strings_insert(&choice->names, i, copy)) {
            free(copy);
            return false;
        }
    }
    return true;
}

static bool set_names(const struct config_certificate *config, struct choice *choice,
                      struct error_text *error)
{
    bool given = config->server_names.count > 0;
    if (given ? !copy_names(&config->server_names, choice)
              : !own_names_add(choice->identity.certificate, &choice->names))
        return error_set(error, "out of memory for server_names");
    return choice->names.count > 0 ||
           error_set(error,
                     "certificate %s has no DNS name (subjectAltName), so no client can ask for "
                     "it: give server_names, or a certificate with names",
                     choice->identity.name);
}

static bool load_choice(const struct config_certificate *config,
                        const struct pem_passphrase *passphrase, struct choice *choice,
                        struct error_text *error)
{
    const struct config_tls given = {.certificate = config->certificate,
                                     .key = config->key,
                                     .key_passphrase_file = config->key_passphrase_file,
                                     .own_in_memory = config->in_memory};
    if (!identity_load(&given, passphrase, &choice->identity, error) ||
        !identity_try(&choice->identity, error))
        return false;
    choice->path = config->in_memory ? NULL : strdup(config->certificate);
    if (!config->in_memory && !choice->path)
        return error_set(error, "out of memory for certificates");
    if (choice->path)
        choice->identity.name = choice->path; /* the folder's list is freed */
    choice->type = EVP_PKEY_get_base_id(choice->identity.key);
    return set_names(config, choice, error);
}

/* ---- Two of them --------------------------------------------------------------------------- */

static bool has_name(const struct config_strings *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcasecmp(names->items[i], name) == 0)
            return true;
    return false;
}

/* The first name of both; NULL: there is none. */
static const char *shared_name(const struct choice *one, const struct choice *other)
{
    for (size_t i = 0; i < one->names.count; i++)
        if (has_name(&other->names, one->names.items[i]))
            return one->names.items[i];
    return NULL;
}

/* Where the names are those in the certificates, such as in a folder, the first one is shown. */
static bool check_names(const struct served_list *list, const struct choice *last,
                        struct error_text *error)
{
    for (const struct choice *other = list->items; other < last; other++) {
        const char *name = other->type == last->type ? shared_name(other, last) : NULL;
        if (name)
            return error_set(error,
                             "certificates: %s and %s have the same type of key, and both are "
                             "for the name %s: remove one",
                             other->identity.name, last->identity.name, name);
    }
    return true;
}

static bool covers(const struct choice *choice, const struct config_strings *names)
{
    for (size_t i = 0; i < names->count; i++)
        if (!has_name(&choice->names, names->items[i]))
            return false;
    return names->count > 0;
}

/* The first one of each other type. */
static bool note_beside_own(struct served_list *list, const struct identity *own,
                            struct error_text *error)
{
    struct config_strings names = {.count = 0};
    if (own->certificate && !own_names_add(own->certificate, &names)) {
        config_strings_free(&names);
        return error_set(error, "out of memory for server_names");
    }
    for (size_t i = 0; i < list->count && own->key; i++) {
        struct choice *choice = &list->items[i];
        bool fits = choice->type != EVP_PKEY_get_base_id(own->key) && covers(choice, &names);
        for (size_t j = 0; j < i; j++)
            fits = fits && !(list->items[j].beside_own && list->items[j].type == choice->type);
        choice->beside_own = fits;
    }
    config_strings_free(&names);
    return true;
}

/* ---- All ----------------------------------------------------------------------------------- */

static bool add(struct served_list *list, const struct config_certificate *config,
                const struct pem_passphrase *passphrase, struct error_text *error)
{
    struct choice *items = strings_grow(list->items, list->count, sizeof(*items));
    if (!items)
        return error_set(error, "out of memory for certificates");
    list->items = items;
    struct choice *last = &items[list->count++];
    *last = (struct choice){.path = NULL};
    if (!load_choice(config, passphrase, last, error))
        return false;
    return config->server_names.count == 0 || check_names(list, last, error);
}

static bool add_folder(struct served_list *list, const char *path,
                       const struct pem_passphrase *passphrase, struct error_text *error)
{
    struct certificate_folder folder = {.items = NULL};
    char text[128];
    bool added = true;
    int failed = certificate_folder_read(path, &folder);
    if (failed == E2BIG)
        return error_set(error, "certificates: the folder %s has more than %d files", path,
                         CERTIFICATE_FOLDER_MAX);
    if (failed != 0)
        return error_set(error, "certificates: the folder %s cannot be read: %s", path,
                         strerror_r(failed, text, sizeof(text)));
    for (size_t i = 0; i < folder.count && added; i++)
        added = certificate_folder_has_key(&folder.items[i], error) &&
                add(list, &folder.items[i], passphrase, error);
    certificate_folder_free(&folder);
    return added;
}

bool served_list_load(struct served_list *list, const struct config_tls *tls,
                      const struct pem_passphrase *passphrase, const struct identity *own,
                      struct error_text *error)
{
    for (size_t i = 0; i < tls->certificate_count; i++) {
        const struct config_certificate *one = &tls->certificates[i];
        bool folder = !one->in_memory && certificate_folder_is(one->certificate);
        if (folder ? !add_folder(list, one->certificate, passphrase, error)
                   : !add(list, one, passphrase, error))
            return false;
    }
    return note_beside_own(list, own, error);
}

void served_list_free(struct served_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        config_strings_free(&list->items[i].names);
        identity_free(&list->items[i].identity);
        free(list->items[i].path);
    }
    free(list->items);
    *list = (struct served_list){.items = NULL};
}
