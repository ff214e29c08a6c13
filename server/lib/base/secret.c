#include "server/lib/base/secret.h"

#include "config/config.h"
#include "config/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void secret_wipe(struct secret *secret)
{
    OPENSSL_cleanse(secret, sizeof(*secret));
}

static bool find_credential(char path[PATH_MAX], const char *name, const char *what,
                            struct error_text *error)
{
    const char *id = name + strlen(CONFIG_CREDENTIAL);
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (!folder)
        return error_set(
            error, "%s: there are no systemd credentials here: add LoadCredential= to the unit",
            name);
    if (id[0] == '\0' || id[0] == '.' || strchr(id, '/'))
        return error_set(error, "%s: the name of a credential must follow, without a folder", name);
    return snprintf(path, PATH_MAX, "%s/%s", folder, id) < PATH_MAX ||
           error_set(error, "the path of the %s file is too long", what);
}

static bool find_file(char path[PATH_MAX], const char *name, const char *what,
                      struct error_text *error)
{
    if (strncmp(name, CONFIG_CREDENTIAL, strlen(CONFIG_CREDENTIAL)) == 0)
        return find_credential(path, name, what, error);
    if (name[0] == '\0')
        return error_set(error, "the path of the %s file is empty", what);
    return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX ||
           error_set(error, "the path of the %s file is too long", what);
}

static bool check_mode(int fd, const char *path, const char *what, struct error_text *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return error_set(error, "%s cannot be read: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return error_set(error, "%s is not a regular file; a file with a %s is expected", path,
                         what);
    const char *others = private_file_open_to(&status);
    return !others || error_set(error, "%s holds a %s and is open to others (%s): chmod 600 %s",
                                path, what, others, path);
}

static bool read_text(int fd, struct secret *secret, const char *path, const char *what,
                      struct error_text *error)
{
    ssize_t got = read(fd, secret->text, SECRET_MAX + 2); /* a regular file is read whole */
    if (got < 0)
        return error_set(error, "%s cannot be read: %s", path, strerror(errno));
    secret->size = (size_t)got;
    if (got > 0 && secret->text[got - 1] == '\n')
        secret->size--;
    if (secret->size > SECRET_MAX)
        return error_set(error, "%s is too long: a %s has up to %d bytes", path, what, SECRET_MAX);
    return secret->size > 0 || error_set(error, "%s is empty; a %s is expected", path, what);
}

bool secret_read(struct secret *secret, const char *name, const char *what,
                 struct error_text *error)
{
    char path[PATH_MAX];
    *secret = (struct secret){0};
    if (!find_file(path, name, what, error))
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return error_set(error, "%s cannot be read: %s", path, strerror(errno));
    bool done = check_mode(fd, path, what, error) && read_text(fd, secret, path, what, error);
    close(fd);
    if (!done)
        secret_wipe(secret);
    return done;
}
