/* Files below a folder. The kernel ensures that no path and no symbolic link leads out of it. */
#ifndef ACTPASS_SERVER_HANDLERS_HTTP_FILE_H
#define ACTPASS_SERVER_HANDLERS_HTTP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct http_file {
    int fd; /* -1: no file is open */
    bool folder;
    struct stat stat;
};

/* Opens the root folder, for the calls below. -1 with errno. */
int http_root_open(const char *root);

/* Opens a regular file or a folder by the PATH of a request as http_path_read makes it. 200, or the
 * status code of the refusal. Nothing is left open then. */
int http_file_open(int root, const char *path, struct http_file *file);

/* The same for kernels without openat2 (before 5.6): it follows no symbolic link at all. */
int http_file_walk(int root, const char *path, struct http_file *file);

/* The file's real path after all symbolic links, in the form of a request's PATH. False:
 * unknown. */
bool http_file_place(int root, const struct http_file *file, char *path, size_t size);

#endif
