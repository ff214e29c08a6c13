/* Paths of requests: decoded, in one form; protection by prefix; files below a folder. */
#include "server/daemon/handlers/http/file.h"
#include "server/daemon/handlers/http/path.h"
#include "server/daemon/handlers/http/type.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

Test(http_path, read)
{
    static const struct {
        const char *text, *path; /* NULL: refused */
    } rows[] = {
        {"", "/"},
        {"/", "/"},
        {"/a", "/a"},
        {"/a/", "/a/"},
        {"//a///b//", "/a/b/"},
        {"/./a/./b/.", "/a/b/"},
        {"/a/.", "/a/"},
        {"/.", "/"},
        {"/.a/..b/c..", "/.a/..b/c.."},
        {"/...", "/..."},
        {"/%61%2e%62", "/a.b"},
        {"/a%20b%c3%a4", "/a b\303\244"},
        {"/%2e", "/"},
        {"/%2E/a", "/a"},
        {"/a%2520b", "/a%20b"}, /* once, not twice */
        {"/%252e%252e/a", "/%2e%2e/a"},
        {"/..", NULL},
        {"/../a", NULL},
        {"/a/..", NULL},
        {"/a/../b", NULL},
        {"/%2e%2e/a", NULL},
        {"/.%2E/a", NULL},
        {"/a/%2e.", NULL},
        {"/a%2fb", NULL},
        {"/..%2fa", NULL},
        {"/%2e%2e%2fa", NULL},
        {"/a%5cb", NULL},
        {"/..%5c..%5ca", NULL},
        {"/a%00", NULL},
        {"/a%00.html", NULL},
        {"/a%0d%0ab", NULL},
        {"/a%7f", NULL},
        {"/%", NULL},
        {"/%4", NULL},
        {"/%4g", NULL},
        {"/%g4", NULL},
        {"/%-1", NULL},
        {"/%%41", NULL},
        {"/a%u0041", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char path[HTTP_PATH_MAX];
        bool read = http_path_read((struct http_text){rows[i].text, strlen(rows[i].text)}, path);
        cr_assert_eq(read, !!rows[i].path, "%s", rows[i].text);
        if (read)
            cr_assert_str_eq(path, rows[i].path, "%s became %s", rows[i].text, path);
    }
}

Test(http_path, long_ones)
{
    static char text[HTTP_PATH_MAX + 1];
    char path[HTTP_PATH_MAX];
    memset(text, 'a', sizeof(text));
    cr_assert(http_path_read((struct http_text){text, HTTP_PATH_MAX - 3}, path));
    cr_assert_eq(strlen(path), HTTP_PATH_MAX - 2);
    cr_assert_not(http_path_read((struct http_text){text, HTTP_PATH_MAX - 2}, path));
}

Test(http_path, encode)
{
    char text[64];
    cr_assert(http_path_encode("/a b/\303\244%?#", "/?q", text, sizeof(text)));
    cr_assert_str_eq(text, "/a%20b/%C3%A4%25%3F%23/?q");
    for (size_t size = 0; size < 12; size++) {
        char *exact = malloc(size + 1);
        cr_assert_eq(http_path_encode("/a b", "/", exact, size), size >= 8, "%zu", size);
        free(exact);
    }
}

/* ---- Files --------------------------------------------------------------------------------- */

/* A folder with a little of everything; the secret lies beside the root. */
struct tree {
    char folder[64];
    int top, root;
};

static void make_file(const struct tree *tree, const char *name)
{
    int fd = openat(tree->top, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0, "%s", name);
    cr_assert_eq(write(fd, "text", 4), 4);
    close(fd);
}

static void make_socket(const struct tree *tree)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    snprintf(where.sun_path, sizeof(where.sun_path), "%s/root/socket", tree->folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&where, sizeof(where)), 0);
    close(fd);
}

static const char *const folders[] = {"root", "root/dir", "root/dir/inner"};
static const char *const files[] = {"secret", "root/file", "root/dir/inner/file"};
static const char *const links[][2] = {
    {"root/link-file", "file"},
    {"root/link-dir", "dir/inner"},
    {"root/dir/link-up", "../file"},
    {"root/link-out", "../secret"},
    {"root/link-out-dir", ".."},
    {"root/link-absolute", "/etc/passwd"},
    {"root/link-loop", "link-loop"},
    {"root/link-nowhere", "nothing"},
    {"root/link-self", "/proc/self/root"},
};

static struct tree make_tree(void)
{
    struct tree tree = {.folder = "/tmp/actpass-http-XXXXXX"};
    cr_assert_not_null(mkdtemp(tree.folder));
    tree.top = open(tree.folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < COUNT(folders); i++)
        cr_assert_eq(mkdirat(tree.top, folders[i], 0700), 0);
    for (size_t i = 0; i < COUNT(files); i++)
        make_file(&tree, files[i]);
    for (size_t i = 0; i < COUNT(links); i++)
        cr_assert_eq(symlinkat(links[i][1], tree.top, links[i][0]), 0);
    cr_assert_eq(mkfifoat(tree.top, "root/fifo", 0600), 0);
    make_socket(&tree);
    char root[80];
    snprintf(root, sizeof(root), "%s/root", tree.folder);
    tree.root = http_root_open(root);
    cr_assert_geq(tree.root, 0);
    return tree;
}

static void drop_tree(const struct tree *tree)
{
    unlinkat(tree->top, "root/fifo", 0);
    unlinkat(tree->top, "root/socket", 0);
    for (size_t i = 0; i < COUNT(links); i++)
        unlinkat(tree->top, links[i][0], 0);
    for (size_t i = COUNT(files); i-- > 0;)
        unlinkat(tree->top, files[i], 0);
    for (size_t i = COUNT(folders); i-- > 0;)
        unlinkat(tree->top, folders[i], AT_REMOVEDIR);
    close(tree->root);
    close(tree->top);
    cr_assert_eq(rmdir(tree->folder), 0);
}

static const struct {
    const char *path;
    int by_kernel, by_walk;
    const char *place; /* NULL: as the path */
} opens[] = {
    {"/", 200, 200, NULL},
    {"/file", 200, 200, NULL},
    {"/dir", 200, 200, "/dir/"},
    {"/dir/", 200, 200, NULL},
    {"/dir/inner/file", 200, 200, NULL},
    {"/file/", 404, 404, NULL},
    {"/file/x", 404, 404, NULL},
    {"/nothing", 404, 404, NULL},
    {"/nothing/x", 404, 404, NULL},
    {"/link-file", 200, 404, "/file"},
    {"/link-dir", 200, 404, "/dir/inner/"},
    {"/link-dir/file", 200, 404, "/dir/inner/file"},
    {"/dir/link-up", 200, 404, "/file"},
    {"/link-out", 404, 404, NULL},
    {"/link-out-dir", 404, 404, NULL},
    {"/link-out-dir/secret", 404, 404, NULL},
    {"/link-absolute", 404, 404, NULL},
    {"/link-loop", 404, 404, NULL},
    {"/link-nowhere", 404, 404, NULL},
    {"/link-self/etc/passwd", 404, 404, NULL},
    {"/fifo", 404, 404, NULL},
    {"/socket", 404, 404, NULL},
};

static void check_open(const struct tree *tree, size_t i, bool by_walk)
{
    struct http_file file;
    char place[PATH_MAX];
    const char *path = opens[i].path;
    int status = (by_walk ? http_file_walk : http_file_open)(tree->root, path, &file);
    cr_assert_eq(status, by_walk ? opens[i].by_walk : opens[i].by_kernel, "%s: %d", path, status);
    if (status != 200)
        return;
    cr_assert(http_file_place(tree->root, &file, place, sizeof(place)), "%s", path);
    cr_assert_str_eq(place, opens[i].place ? opens[i].place : path, "%s: %s", path, place);
    cr_assert_eq(file.folder, place[strlen(place) - 1] == '/', "%s", path);
    close(file.fd);
}

Test(http_path, open, .timeout = 20)
{
    struct tree tree = make_tree();
    for (size_t i = 0; i < COUNT(opens); i++)
        check_open(&tree, i, true);
    for (size_t i = 0; i < COUNT(opens); i++)
        check_open(&tree, i, false);
    struct http_file file;
    cr_assert_eq(http_file_open(tree.root, "/../secret", &file), 404); /* by the kernel alone */
    drop_tree(&tree);
}

Test(http_path, long_names)
{
    struct tree tree = make_tree();
    struct http_file file;
    char path[HTTP_PATH_MAX];
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    cr_assert_eq(http_file_open(tree.root, path, &file), 404);
    cr_assert_eq(http_file_walk(tree.root, path, &file), 404);
    path[NAME_MAX + 2] = '/';
    cr_assert_eq(http_file_walk(tree.root, path, &file), 404);
    drop_tree(&tree);
}

Test(http_path, types)
{
    cr_assert_str_eq(http_type("/a.html"), "text/html; charset=utf-8");
    cr_assert_str_eq(http_type("/a.tar.GZ"), "application/gzip");
    cr_assert_str_eq(http_type("/a"), "application/octet-stream");
    cr_assert_str_eq(http_type("/a.html/b"), "application/octet-stream");
    cr_assert_str_eq(http_type("/a.strange"), "application/octet-stream");
}
