/* Are the named files there, and are the secret ones private? */
#include "config/check.h"
#include "config/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Looks without opening, since opening a FIFO would use it up. */
static bool look(struct messages *messages, struct place *place, const char *path, int access,
                 struct stat *status)
{
    char text[128];
    if (stat(path, status) == 0 && faccessat(AT_FDCWD, path, access, AT_EACCESS) == 0)
        return true;
    messages_error_at(messages, place, "%s cannot be read: %s", path,
                      strerror_r(errno, text, sizeof(text)));
    return false;
}

static bool look_at_file(struct messages *messages, struct place *place, const char *path,
                         const char *wanted, struct stat *status)
{
    if (!look(messages, place, path, R_OK, status))
        return false;
    if (S_ISDIR(status->st_mode))
        messages_error_at(messages, place, "%s is a directory; %s is expected", path, wanted);
    return !S_ISDIR(status->st_mode);
}

static void check_private(struct messages *messages, struct place *place, const char *path,
                          const char *secret, const struct stat *status)
{
    const char *others = private_file_open_to(status);
    if (others)
        messages_error_at(messages, place, "%s holds %s, and %s may read or write it: chmod 600 %s",
                          path, secret, others, path);
}

bool check_file(struct messages *messages, struct place *place, const char *path,
                const char *wanted)
{
    struct stat status;
    return look_at_file(messages, place, path, wanted, &status);
}

void check_secret_file(struct messages *messages, struct place *place, const char *path,
                       const char *secret, const char *wanted)
{
    struct stat status;
    if (look_at_file(messages, place, path, wanted, &status))
        check_private(messages, place, path, secret, &status);
}

void check_folder(struct messages *messages, struct place *place, const char *path)
{
    struct stat status;
    if (!look(messages, place, path, F_OK, &status))
        return;
    if (S_ISDIR(status.st_mode))
        (void)look(messages, place, path, R_OK | X_OK, &status);
    else
        messages_error_at(messages, place, "%s is not a directory; a folder is expected", path);
}

void check_key_pair(struct messages *messages, const struct place *place, const char *certificate,
                    const char *key)
{
    static const char secret[] = "a private key";
    static const char wanted[] = "a PEM file";
    struct place *certificate_place = place_find(place, "certificate");
    struct place *key_place = place_find(place, "key");
    if (key_place && key)
        check_secret_file(messages, key_place, key, secret, wanted);
    if (certificate && key_place)
        (void)check_file(messages, certificate_place, certificate, wanted);
    else if (certificate)
        check_secret_file(messages, certificate_place, certificate, secret, wanted);
}

void check_files(const struct checked_service *checked)
{
    struct messages *messages = checked->messages;
    const struct config_tls *tls = &checked->service->connection.tls;
    check_key_pair(messages, checked->tls, tls->certificate, tls->key);
    if (tls->ca)
        (void)check_file(messages, place_find(checked->tls, "ca"), tls->ca, "a PEM file");
    if (tls->crl)
        (void)check_file(messages, place_find(checked->tls, "crl"), tls->crl, "a PEM file");
    if (tls->ocsp_response)
        (void)check_file(messages, place_find(checked->tls, "ocsp_response"), tls->ocsp_response,
                         "a DER file");
    const char *password = tls->sessions.password_file;
    if (password && strncmp(password, "credential:", 11) != 0)
        check_secret_file(messages, place_find(checked->tls, "sessions_password_file"), password,
                          "a password", "a file with a password");
    if (tls->sessions.ca)
        (void)check_file(messages, place_find(checked->tls, "sessions_ca"), tls->sessions.ca,
                         "a PEM file");
    if (tls->session_key_file)
        check_secret_file(messages, place_find(checked->tls, "session_key_file"),
                          tls->session_key_file, "the keys of sessions", "a file with keys");
}
