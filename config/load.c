/* From a file or a text to a configuration. */
#include "config/check.h"
#include "config/document.h"
#include "config/internal.h"
#include "config/messages.h"
#include "config/normalize.h"
#include "config/read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_SIZE_MAX 1048576

static struct config *parse(const char *text, size_t length, struct messages *messages)
{
    struct document document;
    struct config *config = malloc(sizeof(*config));
    if (!config) {
        messages->out_of_memory = true;
        return NULL;
    }
    config_init(config);
    document_read(&document, text, length, messages);
    if (document.root) {
        read_object(messages, document.root, &config_object, config);
        normalize_config(messages, document.root, config);
        check_config(messages, document.root, config);
    }
    document_free(&document);
    return config;
}

struct config *config_parse(const char *file, const char *text, size_t length,
                            struct config_report *report)
{
    struct messages messages;
    struct config *config = NULL;
    messages_init(&messages, file);
    if (length > FILE_SIZE_MAX)
        messages_error_plain(&messages, (struct position){0, 0},
                             "the configuration is larger than 1 MiB");
    else
        config = parse(text, length, &messages);
    bool failed = messages_finish(&messages, report);
    if (!failed)
        return config;
    config_free(config);
    return NULL;
}

/* Reads at most SIZE bytes. -1 with errno. */
static ssize_t read_whole(int fd, char *buffer, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t count = read(fd, buffer + used, size - used);
        if (count == 0)
            break;
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -1;
        used += (size_t)count;
    }
    return (ssize_t)used;
}

static struct config *fail(const char *file, int number, struct config_report *report)
{
    struct messages messages;
    char reason[128];
    struct error_text error;
    messages_init(&messages, file);
    error_set(&error, "cannot be read: %s", strerror_r(number, reason, sizeof(reason)));
    messages_error_plain(&messages, (struct position){0, 0}, error.text);
    (void)messages_finish(&messages, report);
    return NULL;
}

struct config *config_load(const char *file, struct config_report *report)
{
    struct config *config = NULL;
    char *text = malloc(FILE_SIZE_MAX + 1); /* one more, to see that a file is too long */
    int fd = text ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t length = fd < 0 ? -1 : read_whole(fd, text, FILE_SIZE_MAX + 1);
    if (length < 0)
        config = fail(file, errno, report);
    else
        config = config_parse(file, text, (size_t)length, report);
    if (fd >= 0)
        (void)close(fd);
    free(text);
    return config;
}
