#include "server/lib/ocsp/store.h"

#include "config/read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool put_path(char path[PATH_MAX], const char *folder, const uint8_t key[OCSP_KEY_SIZE],
                     const char *ending)
{
    char digits[2 * OCSP_KEY_SIZE + 1];
    for (size_t i = 0; i < OCSP_KEY_SIZE; i++)
        (void)snprintf(digits + 2 * i, 3, "%02x", key[i]);
    int length = snprintf(path, PATH_MAX, "%s/%s.%s", folder, digits, ending);
    return length > 0 && length < PATH_MAX;
}

bool ocsp_store_read(const char *folder, const uint8_t key[OCSP_KEY_SIZE], X509 *certificate,
                     X509 *issuer, struct ocsp_answer *answer)
{
    char path[PATH_MAX];
    struct error_text why;
    bool found = false;
    char *bytes = malloc(OCSP_ANSWER_MAX);
    ssize_t size = bytes && put_path(path, folder, key, "ocsp")
                       ? read_regular(path, bytes, OCSP_ANSWER_MAX)
                       : -1;
    if (size > 0)
        found = ocsp_answer_read(answer, (unsigned char *)bytes, (size_t)size, certificate, issuer,
                                 &why);
    free(bytes);
    return found;
}

/* 0, or an errno. */
static int write_file(const char *path, const struct ocsp_answer *answer)
{
    (void)unlink(path); /* left behind, or a link that somebody has put there */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    ssize_t written = write(fd, answer->der, answer->size);
    int error = written < 0 ? errno : 0;
    if (close(fd) != 0 && error == 0)
        error = errno;
    return error == 0 && (size_t)written != answer->size ? ENOSPC : error;
}

bool ocsp_store_write(const char *folder, const uint8_t key[OCSP_KEY_SIZE],
                      const struct ocsp_answer *answer, struct error_text *error)
{
    char path[PATH_MAX], fresh[PATH_MAX], text[128];
    if (!put_path(path, folder, key, "ocsp") || !put_path(fresh, folder, key, "new"))
        return error_set(error, "the path of the cache %s is too long", folder);
    int failed = write_file(fresh, answer);
    if (failed == 0 && rename(fresh, path) != 0)
        failed = errno;
    return failed == 0 || error_set(error, "the cache %s cannot be written: %s", folder,
                                    strerror_r(failed, text, sizeof(text)));
}
