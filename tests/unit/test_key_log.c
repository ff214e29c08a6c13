/* The file of "insecure_key_log": which files are taken, and what happens when it cannot be
 * written. That its lines are right is tested end to end (tests/e2e/test_secrets.py). */
#include "server/lib/base/ssl_data.h"
#include "server/lib/tls/key_log.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(key_log, .timeout = 20);

static char folder[] = "/tmp/test_key_log_XXXXXX";

static void enter(void)
{
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static void leave(void)
{
    (void)unlink("file");
    (void)unlink("link");
    (void)unlink("pipe");
    cr_assert_eq(rmdir(folder), 0);
}

static void count(const char *text, void *arg)
{
    size_t *reports = arg;
    cr_assert(strstr(text, "insecure_key_log lacks lines"), "%s", text);
    ++*reports;
}

static struct key_log *open_log(size_t *reports)
{
    struct error_text error = {.text = ""};
    struct key_log *log = key_log_new("file", (struct key_log_report){count, reports}, &error);
    cr_assert_not_null(log, "%s", error.text);
    return log;
}

static void assert_refused(const char *path, const char *wanted)
{
    struct error_text error = {.text = ""};
    const struct key_log_report nobody = {NULL, NULL};
    cr_assert_null(key_log_new(path, nobody, &error), "%s", path);
    cr_assert(strstr(error.text, wanted), "\"%s\" has no \"%s\"", error.text, wanted);
}

/* What OpenSSL calls with each line. */
static void log_line(struct key_log *log, const char *line)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    cr_assert_not_null(ctx);
    key_log_use(ctx);
    cr_assert(ssl_data_prepare());
    SSL *ssl = SSL_new(ctx);
    cr_assert_not_null(ssl);
    cr_assert(!log || key_log_attach(log, ssl));
    SSL_CTX_get_keylog_callback(ctx)(ssl, line);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
}

Test(key_log, lines_are_appended_for_the_owner_alone, .init = enter, .fini = leave)
{
    char text[32] = "";
    struct stat status;
    size_t reports = 0;
    (void)umask(0);
    for (int i = 0; i < 2; i++) {
        struct key_log *log = open_log(&reports);
        log_line(log, "A 1 2");
        key_log_free(log);
    }
    FILE *file = fopen("file", "r");
    cr_assert_not_null(file);
    cr_assert_eq(fread(text, 1, sizeof(text), file), 12);
    cr_assert_str_eq(text, "A 1 2\nA 1 2\n");
    cr_assert_eq(fstat(fileno(file), &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0600);
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(reports, 0);
}

Test(key_log, the_file_is_made_when_it_is_needed, .init = enter, .fini = leave)
{
    for (int attached = 0; attached < 2; attached++) {
        size_t reports = 0;
        struct error_text error = {.text = ""};
        struct key_log *log = open_log(&reports);
        cr_assert_neq(access("file", F_OK), 0);
        if (attached)
            log_line(log, "A 1 2");
        else
            cr_assert(key_log_open(log, &error), "%s", error.text);
        cr_assert_eq(unlink("file"), 0);
        cr_assert(key_log_open(log, &error), "it is open");
        cr_assert_neq(access("file", F_OK), 0);
        cr_assert_eq(reports, 0);
        key_log_free(log);
    }
}

Test(key_log, what_can_be_made_no_more_is_reported_once, .init = enter, .fini = leave)
{
    size_t reports = 0;
    struct key_log *log = open_log(&reports);
    cr_assert_eq(symlink("none", "file"), 0);
    log_line(log, "A 1 2");
    log_line(log, "B 1 2");
    cr_assert_eq(reports, 1);
    key_log_free(log);
}

Test(key_log, what_others_may_read_is_refused, .init = enter, .fini = leave)
{
    int fd = open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(fchmod(fd, 0644), 0);
    cr_assert_eq(close(fd), 0);
    assert_refused("file", "may read or write it: chmod 600 file");
}

/* Somebody may have made it in a folder such as /tmp, and opened it for reading. */
Test(key_log, a_file_of_another_user_is_refused, .init = enter, .fini = leave)
{
    int fd = open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(close(fd), 0);
    if (geteuid() == 0 && chown("file", 1, 1) == 0)
        assert_refused("file", "belongs to another user");
}

Test(key_log, other_kinds_of_files_are_refused, .init = enter, .fini = leave)
{
    cr_assert_eq(symlink("file", "link"), 0);
    cr_assert_eq(mkfifo("pipe", 0600), 0);
    assert_refused("link", "cannot be opened");
    assert_refused("pipe", "cannot be opened"); /* nobody reads it */
    assert_refused(".", "cannot be opened");
    assert_refused("none/file", "cannot be opened");
    assert_refused("/dev/null", "not a regular file");
    cr_assert_neq(access("file", F_OK), 0);
}

Test(key_log, a_full_disk_is_reported_once, .init = enter, .fini = leave)
{
    const struct rlimit small = {4, 4};
    size_t reports = 0;
    struct key_log *log = open_log(&reports);
    cr_assert_neq(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    log_line(log, "A 1 2");
    log_line(log, "B 1 2");
    cr_assert_eq(reports, 1);
    key_log_free(log);
}

Test(key_log, an_object_without_a_log_writes_none)
{
    log_line(NULL, "A 1 2");
}
