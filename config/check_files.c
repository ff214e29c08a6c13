/* Are the named files there, and is the key private? */
#include "config/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Looks without opening, since opening a FIFO would use it up. */
static bool check_file(struct messages *messages, struct place *place, const char *path,
                       struct stat *status)
{
    char text[128];
    if (stat(path, status) == 0) {
        if (S_ISDIR(status->st_mode)) {
            error_at(messages, place, "%s is a directory; a PEM file is wanted", path);
            return false;
        }
        if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0)
            return true;
    }
    error_at(messages, place, "%s cannot be read: %s", path, strerror_r(errno, text, sizeof text));
    return false;
}

static void check_private(struct messages *messages, struct place *place, const char *path,
                          const struct stat *status)
{
    const mode_t read_write = S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH;
    if (S_ISREG(status->st_mode) && (status->st_mode & read_write))
        warning_at(messages, place,
                   "%s holds a private key and is open to group or others: "
                   "chmod 600 %s",
                   path, path);
}

void check_files(const struct checked_service *checked)
{
    struct messages *messages = checked->messages;
    struct config_tls *tls = &checked->service->connection.tls;
    struct place *certificate = place_find(checked->tls, "certificate");
    struct place *key = place_find(checked->tls, "key");
    struct stat status;
    if (tls->ca)
        (void)check_file(messages, place_find(checked->tls, "ca"), tls->ca, &status);
    bool readable =
        tls->certificate && check_file(messages, certificate, tls->certificate, &status);
    if (tls->key) {
        if (check_file(messages, key, tls->key, &status))
            check_private(messages, key, tls->key, &status);
    } else if (tls->certificate && !key) {
        if (readable)
            check_private(messages, certificate, tls->certificate, &status);
        tls->key = strdup(tls->certificate);
        if (!tls->key)
            messages->out_of_memory = true;
    }
}
