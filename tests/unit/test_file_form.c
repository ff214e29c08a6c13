/* What the first bytes of a file show. */
#include "config/file_form.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define LOOK(text) file_form_of((const unsigned char *)(text), sizeof(text) - 1)

Test(file_form, pem)
{
    struct file_form both =
        LOOK("x\n-----BEGIN EC PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\n");
    cr_assert(both.key && both.certificate && !both.request && !both.der && !both.pkcs12);
    struct file_form request = LOOK("-----BEGIN CERTIFICATE REQUEST-----\n");
    cr_assert(request.request && !request.certificate && !request.key);
    struct file_form none = LOOK("0 is no DER, nor is -----BEGIN CERTIFICATE");
    cr_assert(!none.key && !none.certificate && !none.der && !none.pkcs12);
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
