#include "server/daemon/commands/target.h"

#include "server/daemon/commands/client.h"

#include <stdlib.h>
#include <string.h>

static const char default_place[] = "unix:/run/actpass/admin.sock";
static const char default_control[] = "unix:/run/actpass/control.sock";

static bool parse(const char *word, struct config_address *address, struct error_text *error)
{
    const char *wrong = config_address_parse(word, address);
    return !wrong || error_set(error, "%s: %s", word, wrong);
}

/* "unix:..." or "HOST:PORT"; a file of such a name is "./HOST:PORT". */
static bool is_address(const char *word)
{
    return strncmp(word, "unix:", strlen("unix:")) == 0 ||
           (strchr(word, ':') && !strchr(word, '/'));
}

/* A key outside of "services" with the address; what the program cannot do without it. */
struct wanted {
    struct config_address *(*find)(struct config *config);
    const char *key, *cannot;
};

static struct config_address *find_admin(struct config *config)
{
    return &config->admin.listen;
}

static struct config_address *find_control(struct config *config)
{
    return &config->control;
}

/* What else is wrong with the file, such as a key that only the daemon can read, does not matter
 * here. */
static bool read_file(const char *file, const struct wanted *wanted, struct config_address *address,
                      struct error_text *error)
{
    struct config_report report;
    struct config *config = config_load_all(file, &report);
    if (config) {
        struct config_address *found = wanted->find(config);
        *address = *found;
        memset(found, 0, sizeof(*found));
    }
    bool found = address->kind != CONFIG_ADDRESS_NONE;
    if (config && !found)
        error_set(error, "%s has no \"%s\", so it cannot be %s", file, wanted->key, wanted->cannot);
    else if (!config)
        error_set(error, "%s", report.errors.count ? report.errors.items[0] : "out of memory");
    config_report_free(&report);
    config_free(config);
    return found;
}

bool target_find(const char *word, struct config_address *address, struct error_text *error)
{
    static const struct wanted admin = {find_admin, "admin", "asked for its status"};
    memset(address, 0, sizeof(*address));
    if (!word)
        return parse(default_place, address, error);
    return is_address(word) ? parse(word, address, error) : read_file(word, &admin, address, error);
}

bool target_find_control(const char *word, struct config_address *address, struct error_text *error)
{
    static const struct wanted control = {find_control, "control", "controlled"};
    memset(address, 0, sizeof(*address));
    if (!word)
        return parse(default_control, address, error);
    bool found =
        is_address(word) ? parse(word, address, error) : read_file(word, &control, address, error);
    if (!found || address->kind == CONFIG_ADDRESS_UNIX)
        return found;
    return error_set(error, "%s: must be a unix socket, unix:/path", address->text);
}

static cJSON *parse_status(const char *text, struct error_text *error)
{
    cJSON *status = cJSON_Parse(text);
    if (!cJSON_GetObjectItemCaseSensitive(status, "services")) {
        cJSON_Delete(status);
        error_set(error, "what listens there is not actpass, or its answer was cut");
        return NULL;
    }
    return status;
}

cJSON *target_status(const struct config_address *address, struct error_text *error)
{
    char *text = client_get(address, "/status", error);
    cJSON *status = text ? parse_status(text, error) : NULL;
    free(text);
    return status;
}
