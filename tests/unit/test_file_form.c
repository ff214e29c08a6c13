/* What the first bytes of a file show. */
#include "config/file_form.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK(text) file_form_of((const unsigned char *)(text), sizeof(text) - 1)

Test(file_form, pem)
{
    struct file_form both =
        LOOK("x\n-----BEGIN EC PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\n");
    cr_assert(both.key && both.certificate && !both.request && !both.der && !both.pkcs12);
    struct file_form request = LOOK("-----BEGIN CERTIFICATE REQUEST-----\n");
    cr_assert(request.request && !request.certificate && !request.key);
    cr_assert_not(LOOK("010 is its name\n-----BEGIN CERTIFICATE-----\n").der);
    struct file_form none = LOOK("0 is no DER, nor is -----BEGIN CERTIFICATE");
    cr_assert(!none.key && !none.certificate && !none.der && !none.pkcs12);
}

/* As tools leave it that keep everything about a certificate in one file. */
Test(file_form, a_request_beside_its_certificate)
{
    struct file_form form =
        LOOK("-----BEGIN CERTIFICATE REQUEST-----\n-----BEGIN CERTIFICATE-----\n");
    cr_assert(form.certificate && !form.request);
}

/* Writes a file of SIZE bytes that begins with the text. */
static void make_long(const char *path, const char *text, long size)
{
    FILE *file = fopen(path, "we");
    cr_assert_not_null(file);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fseek(file, size - 1, SEEK_SET), 0);
    cr_assert_eq(fputc('\n', file), '\n');
    cr_assert_eq(fclose(file), 0);
}

Test(file_form, of_a_part_only_the_form_is_known)
{
    char path[] = "/tmp/test_file_form_XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(close(fd), 0);
    make_long(path, "-----BEGIN CERTIFICATE-----\n", 65536);
    cr_expect(file_form_look(path).certificate, "the whole file");
    make_long(path, "-----BEGIN CERTIFICATE-----\n", 65537);
    cr_expect_not(file_form_look(path).certificate);
    make_long(path, "\x30\x2e\x02\x01\x01\x30", 65537);
    cr_expect(file_form_look(path).der);
    cr_assert_eq(unlink(path), 0);
}

/* Its writer would get SIGPIPE, and whoever opens it next would wait for ever. */
Test(file_form, a_fifo_is_not_opened)
{
    char folder[] = "/tmp/test_file_form_XXXXXX", path[64], event[256];
    cr_assert_not_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/fifo", folder);
    cr_assert_eq(mkfifo(path, 0600), 0);
    int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    cr_assert_geq(watch, 0);
    cr_assert_geq(inotify_add_watch(watch, path, IN_OPEN), 0);
    struct file_form form = file_form_look(path);
    cr_expect(!form.key && !form.certificate && !form.der);
    cr_expect_lt(read(watch, event, sizeof(event)), 0, "it was opened");
    cr_assert_eq(close(watch), 0);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(rmdir(folder), 0);
}

Test(file_form, der)
{
    cr_assert(LOOK("\x30\x82\x01\x00\x30\x82").der, "a certificate");
    cr_assert(LOOK("\x30\x2e\x02\x01\x00\x30").der, "a key");
    struct file_form pkcs12 = LOOK("\x30\x82\x01\x00\x02\x01\x03\x30");
    cr_assert(pkcs12.pkcs12 && !pkcs12.der);
    cr_assert_not(LOOK("\x30\x82\x01\x00\x04\x00").der, "another type");
    cr_assert_not(LOOK("\x30\x80\x30\x00\x00\x00").der, "of no known length");
}

/* Each in a buffer of exactly its length, for the sanitizer. */
Test(file_form, cut_anywhere)
{
    static const char whole[] = "\x30\x82\x01\x00\x02\x01\x03";
    for (size_t size = 0; size < sizeof(whole); size++) {
        unsigned char *bytes = malloc(size ? size : 1);
        cr_assert_not_null(bytes);
        memcpy(bytes, whole, size);
        cr_assert_eq(file_form_of(bytes, size).pkcs12, size >= sizeof(whole) - 1, "%zu", size);
        free(bytes);
    }
}

Test(file_form, what_is_no_file)
{
    struct file_form form = file_form_look("/nowhere/at/all");
    cr_assert(!form.key && !form.certificate && !form.der);
    form = file_form_look("/");
    cr_assert(!form.key && !form.certificate && !form.der);
}
