/* actpass_config: the last error of each thread. */
#include "server/lib/settings.h"

#include "relay/lock.h"

#include <stdarg.h>
#include <stdlib.h>

/* NULL: this thread has not failed yet. */
static struct settings_error *own_error(const actpass_config *config)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&config->error_lock;
    lock_take(lock);
    struct settings_error *error = config->errors;
    while (error && !pthread_equal(error->thread, pthread_self()))
        error = error->next;
    lock_release(lock);
    return error;
}

static struct settings_error *add_error(actpass_config *config)
{
    struct settings_error *error = calloc(1, sizeof(*error));
    if (!error) {
        atomic_store(&config->error_lost, true);
        return NULL;
    }
    error->thread = pthread_self();
    lock_take(&config->error_lock);
    error->next = config->errors;
    config->errors = error;
    lock_release(&config->error_lock);
    return error;
}

int settings_fail(actpass_config *config, const char *format, ...)
{
    va_list arguments;
    struct settings_error *own = own_error(config);
    if (!own)
        own = add_error(config);
    va_start(arguments, format);
    if (own)
        (void)error_vset(&own->error, format, arguments);
    va_end(arguments);
    return -1;
}

const char *actpass_config_error(const actpass_config *config)
{
    const struct settings_error *own = own_error(config);
    if (own)
        return own->error.text;
    return atomic_load(&config->error_lost) ? "out of memory" : "";
}

void settings_free_errors(actpass_config *config)
{
    while (config->errors) {
        struct settings_error *next = config->errors->next;
        free(config->errors);
        config->errors = next;
    }
}
