#include "server/daemon/fingerprint.h"

#include "config/certificate_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a scheme names is no file. */
static bool is_path(const char *name)
{
    return name && strncmp(name, CONFIG_STORE, strlen(CONFIG_STORE)) != 0 &&
           strncmp(name, CONFIG_CREDENTIAL, strlen(CONFIG_CREDENTIAL)) != 0;
}

static void visit_if_named(const char *path, void (*visit)(const char *path, void *arg), void *arg)
{
    if (is_path(path))
        visit(path, arg);
}

static void visit_files(const struct config_certificate *files,
                        void (*visit)(const char *path, void *arg), void *arg)
{
    visit_if_named(files->certificate, visit, arg);
    visit_if_named(files->key, visit, arg);
    visit_if_named(files->key_passphrase_file, visit, arg);
}

/* The folder itself stands for one that is empty, or cannot be read. */
static void visit_folder(const char *folder, void (*visit)(const char *path, void *arg), void *arg)
{
    struct certificate_folder list = {.items = NULL};
    char *inside = NULL;
    if (asprintf(&inside, "%s/.", folder) >= 0)
        visit(inside, arg); /* to watch it: its own folder is that above */
    free(inside);
    if (certificate_folder_read(folder, &list) != 0)
        return;
    for (size_t i = 0; i < list.count; i++)
        visit_files(&list.items[i], visit, arg);
    certificate_folder_free(&list);
}

static void visit_certificate(const struct config_certificate *files,
                              void (*visit)(const char *path, void *arg), void *arg)
{
    if (is_path(files->certificate) && certificate_folder_is(files->certificate))
        visit_folder(files->certificate, visit, arg);
    else
        visit_files(files, visit, arg);
}

void fingerprint_each_file(const struct config_tls *tls, void (*visit)(const char *path, void *arg),
                           void *arg)
{
    visit_if_named(tls->certificate, visit, arg);
    visit_if_named(tls->key, visit, arg);
    visit_if_named(tls->key_passphrase_file, visit, arg);
    visit_if_named(tls->ca, visit, arg);
    visit_if_named(tls->crl, visit, arg);
    visit_if_named(tls->ocsp_response, visit, arg);
    for (size_t i = 0; i < tls->certificate_count; i++)
        visit_certificate(&tls->certificates[i], visit, arg);
}

/* FNV-1a. */
static void add(uint64_t *sum, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++)
        *sum = (*sum ^ at[i]) * UINT64_C(0x100000001b3);
}

/* Up to a size that no such file has. Returns 0, or an errno. */
static int add_content(uint64_t *sum, int fd)
{
    enum { CHUNK = 4096, CHUNKS_MAX = 4096 };
    unsigned char chunk[CHUNK]; /* it may hold a key */
    ssize_t got = 1;
    for (int i = 0; i < CHUNKS_MAX && got > 0; i++) {
        got = read(fd, chunk, sizeof(chunk));
        if (got > 0)
            add(sum, chunk, (size_t)got);
    }
    int error = got < 0 ? errno : 0;
    explicit_bzero(chunk, sizeof(chunk));
    return error;
}

static void add_file(const char *path, void *arg)
{
    uint64_t *sum = arg;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block */
    int error = fd < 0 ? errno : add_content(sum, fd);
    if (fd >= 0)
        close(fd);
    add(sum, &error, sizeof(error)); /* and between two files */
}

static const uint64_t nothing = UINT64_C(0xcbf29ce484222325);

uint64_t fingerprint_of(const struct config_tls *tls)
{
    uint64_t sum = nothing;
    fingerprint_each_file(tls, add_file, &sum);
    return sum;
}

void fingerprint_each_file_of(const struct config_service *service,
                              void (*visit)(const char *path, void *arg), void *arg)
{
    fingerprint_each_file(&service->connection.tls, visit, arg);
    for (size_t i = 0; i < service->route_count; i++)
        fingerprint_each_file(&service->routes[i].tls, visit, arg);
}

uint64_t fingerprint_of_service(const struct config_service *service)
{
    uint64_t sum = nothing;
    fingerprint_each_file_of(service, add_file, &sum);
    return sum;
}
