#include "server/lib/sessions/file_place.h"

#include "config/private_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum step { ABOVE, FOLDER }; /* the folder of the files, or one above it */

#define REFUSED "sessions file %s cannot be used: "

static bool is_strange(const struct stat *status)
{
    return status->st_uid != geteuid() && status->st_uid != 0;
}

static bool fail_owner(const char *path, const char *at, const struct stat *status,
                       struct error_text *error)
{
    return error_set(error,
                     REFUSED "%s belongs to user %u, who could exchange what is there: let it "
                             "belong to root or to user %u, as which actpass runs",
                     path, at, (unsigned)status->st_uid, (unsigned)geteuid());
}

static bool fail_call(const char *path, const char *at, struct error_text *error)
{
    char text[128];
    const char *remedy = errno == ENOENT || errno == ENOTDIR ? ": make the folder first" : "";
    return error_set(error, REFUSED "%s: %s%s", path, at, strerror_r(errno, text, sizeof(text)),
                     remedy);
}

/* ---- The folders -------------------------------------------------------------------------- */

static bool check_step(const char *path, const char *at, enum step step, struct error_text *error)
{
    struct stat status;
    if (lstat(at, &status))
        return fail_call(path, at, error);
    if (is_strange(&status))
        return fail_owner(path, at, &status, error);
    bool sticky = (status.st_mode & S_ISVTX) != 0;
    if (S_ISLNK(status.st_mode) || !(status.st_mode & (S_IWGRP | S_IWOTH)) ||
        (step == ABOVE && sticky))
        return true;
    if (sticky)
        return error_set(error,
                         REFUSED "others may write to the folder %s: make a folder with mode "
                                 "700 in it, and name a file there",
                         path, at);
    return error_set(error, REFUSED "others may write to the folder %s: chmod go-w %s", path, at,
                     at);
}

/* Checks FOLDER and all folders above it except "/", whose owner can do anything. Changes FOLDER
 * meanwhile. */
static bool check_way(const char *path, char *folder, struct error_text *error)
{
    char *at = folder + strspn(folder, "/");
    bool safe = true;
    while (safe && *at) {
        at += strcspn(at, "/");
        char *next = at + strspn(at, "/");
        char kept = *at;
        *at = '\0';
        safe = check_step(path, folder, *next ? ABOVE : FOLDER, error);
        *at = kept;
        at = next;
    }
    return safe;
}

/* To be freed. NULL: no memory. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return strdup(".");
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* Checks the path as it is named, which may lead through links, and the path it resolves to. */
static bool check_folders(const char *path, struct error_text *error)
{
    char *named = folder_of(path);
    if (!named)
        return error_set(error, "out of memory for sessions file %s", path);
    char *real = realpath(named, NULL);
    bool safe = real ? check_way(path, named, error) && check_way(path, real, error)
                     : fail_call(path, named, error);
    free(real);
    free(named);
    return safe;
}

/* ---- The files ---------------------------------------------------------------------------- */

/* No other user can replace it, so it does not change before it is opened. */
static bool check_file(const char *path, const char *at, struct error_text *error)
{
    struct stat status;
    if (lstat(at, &status))
        return errno == ENOENT || fail_call(path, at, error);
    if (S_ISLNK(status.st_mode))
        return error_set(error, REFUSED "%s is a symbolic link: name the file itself, or remove it",
                         path, at);
    if (!S_ISREG(status.st_mode))
        return error_set(error, REFUSED "%s is not a regular file: name another", path, at);
    if (is_strange(&status))
        return fail_owner(path, at, &status, error);
    const char *others = private_file_open_to(&status);
    return !others ||
           error_set(error, REFUSED "%s may read or write %s: chmod 600 %s", path, others, at, at);
}

bool file_place_is_safe(const char *path, struct error_text *error)
{
    char *lock;
    if (!check_folders(path, error) || !check_file(path, path, error))
        return false;
    if (asprintf(&lock, "%s-lock", path) < 0)
        return error_set(error, "out of memory for sessions file %s", path);
    bool safe = check_file(path, lock, error);
    free(lock);
    return safe;
}
