#include "server/lib/base/credentials.h"

#include <string.h>

const char *credentials_password(const struct credentials *credentials, size_t *size)
{
    *size = credentials->both.size - credentials->user_size - 1;
    return credentials->both.text + credentials->user_size + 1;
}

static bool has_control(const struct secret *secret)
{
    for (size_t i = 0; i < secret->size; i++)
        if ((unsigned char)secret->text[i] < ' ' || secret->text[i] == '\177')
            return true;
    return false;
}

static bool fits(size_t size)
{
    return size > 0 && size <= CREDENTIALS_PART_MAX;
}

static bool check(struct credentials *credentials, const char *name, struct error_text *error)
{
    size_t password_size = 0;
    const struct secret *both = &credentials->both;
    const char *colon = memchr(both->text, ':', both->size);
    if (has_control(both))
        return error_set(error, "%s must be one line, user:password, without control characters",
                         name);
    if (!colon)
        return error_set(error, "%s has no colon: user:password is expected", name);
    credentials->user_size = (size_t)(colon - both->text);
    (void)credentials_password(credentials, &password_size);
    return (fits(credentials->user_size) && fits(password_size)) ||
           error_set(error, "%s: user and password have 1 to %d bytes each", name,
                     CREDENTIALS_PART_MAX);
}

bool credentials_read(struct credentials *credentials, const char *name, struct error_text *error)
{
    *credentials = (struct credentials){.user_size = 0};
    if (!secret_read(&credentials->both, name, "line user:password", error))
        return false;
    bool good = check(credentials, name, error);
    if (!good)
        credentials_wipe(credentials);
    return good;
}

void credentials_wipe(struct credentials *credentials)
{
    secret_wipe(&credentials->both);
    credentials->user_size = 0;
}
