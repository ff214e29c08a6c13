/* From a file or a text to a configuration. */
#include "config/check.h"
#include "config/document.h"
#include "config/include.h"
#include "config/internal.h"
#include "config/messages.h"
#include "config/normalize.h"
#include "config/read.h"
#include "config/read_file.h"
#include "config/variables.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_SIZE_MAX 1048576

static struct config *parse(const char *text, size_t length, struct messages *messages)
{
    struct config *config = malloc(sizeof(*config));
    if (!config) {
        messages->out_of_memory = true;
        return NULL;
    }
    config_init(config);
    config->origin = messages->origin;
    document_read(messages, 0, text, length);
    struct place *root = messages->origin->files[0].root;
    if (root) {
        variables_expand(messages, root);
        include_read(messages, root);
        read_object(messages, root, &config_object, config);
        normalize_config(messages, root, config);
        check_config(messages, root, config);
    }
    config->sources = messages->sources;
    messages->sources = (struct config_strings){0};
    return config;
}

/* The configuration, whatever is wrong with it; NULL: nothing of it can be used. */
static struct config *parse_all(const char *file, const char *text, size_t length,
                                struct config_report *report)
{
    struct messages messages;
    struct config *config = NULL;
    messages_init(&messages, file);
    if (length > FILE_SIZE_MAX)
        messages_error_plain(&messages, (struct position){0},
                             "the configuration is larger than 1 MiB");
    else if (messages.origin)
        config = parse(text, length, &messages);
    if (!config)
        origin_free(messages.origin);
    bool memory = !messages.out_of_memory;
    (void)messages_finish(&messages, report);
    if (memory && config && config->origin->files[0].root)
        return config;
    config_free(config);
    return NULL;
}

/* Takes the configuration. NULL where there are errors. */
static struct config *good_only(struct config *config, const struct config_report *report)
{
    if (config && report->errors.count == 0) {
        config_forget_origin(config);
        return config;
    }
    config_free(config);
    return NULL;
}

struct config *config_parse(const char *file, const char *text, size_t length,
                            struct config_report *report)
{
    return good_only(parse_all(file, text, length, report), report);
}

static void report_unreadable(const char *file, int number, struct config_report *report)
{
    struct messages messages;
    char reason[128];
    struct error_text error;
    messages_init(&messages, file);
    error_set(&error, "cannot be read: %s", strerror_r(number, reason, sizeof(reason)));
    messages_error_plain(&messages, (struct position){0}, error.text);
    origin_free(messages.origin);
    (void)messages_finish(&messages, report);
}

struct config *config_load_all(const char *file, struct config_report *report)
{
    struct config *config = NULL;
    char *text = malloc(FILE_SIZE_MAX + 1); /* one more, to see that a file is too long */
    int fd = text ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t length = fd < 0 ? -1 : read_descriptor(fd, text, FILE_SIZE_MAX + 1);
    if (length < 0)
        report_unreadable(file, errno, report);
    else
        config = parse_all(file, text, (size_t)length, report);
    if (config)
        report->log_format = config->log_format;
    if (fd >= 0)
        (void)close(fd);
    free(text);
    return config;
}

struct config *config_load(const char *file, struct config_report *report)
{
    return good_only(config_load_all(file, report), report);
}
