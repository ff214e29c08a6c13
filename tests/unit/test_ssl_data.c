#include "server/lib/base/ssl_data.h"

#include <criterion/criterion.h>

static SSL_CTX *ctx;
static SSL *ssl;

static void set_up(void)
{
    cr_assert(ssl_data_prepare());
    cr_assert(ssl_data_prepare(), "more than once");
    ctx = SSL_CTX_new(TLS_method());
    ssl = SSL_new(ctx);
    cr_assert_not_null(ssl);
}

static void tear_down(void)
{
    SSL_free(ssl);
    SSL_CTX_free(ctx);
}

TestSuite(ssl_data, .init = set_up, .fini = tear_down);

static void count(void *data)
{
    ++*(int *)data;
}

Test(ssl_data, each_part_has_its_own)
{
    int values[SSL_PARTS];
    for (int i = 0; i < SSL_PARTS; i++) {
        cr_assert_null(ssl_data_get(ssl, i), "%d", i);
        cr_assert(ssl_data_set(ssl, i, &values[i], NULL), "%d", i);
    }
    for (int i = 0; i < SSL_PARTS; i++)
        cr_assert_eq(ssl_data_get(ssl, i), &values[i], "%d", i);
}

Test(ssl_data, released_once)
{
    int first = 0, second = 0;
    cr_assert(ssl_data_set(ssl, SSL_PART_REFUSAL, &first, count));
    cr_assert_eq(first, 0);
    cr_assert(ssl_data_set(ssl, SSL_PART_REFUSAL, &second, count));
    cr_assert_eq(first, 1, "when it is replaced");
    SSL_free(ssl);
    ssl = NULL;
    cr_assert_eq(first, 1);
    cr_assert_eq(second, 1, "with the SSL");
}

Test(ssl_data, what_stays_the_callers)
{
    int borrowed = 0, kept = 0;
    cr_assert(ssl_data_set(ssl, SSL_PART_BINDING, &borrowed, NULL));
    cr_assert(ssl_data_set(ssl, SSL_PART_FIRST_PEER, &kept, count));
    cr_assert(ssl_data_set(ssl, SSL_PART_BINDING, NULL, NULL));
    cr_assert_null(ssl_data_get(ssl, SSL_PART_BINDING));
    cr_assert_eq(kept, 0, "the others are not touched");
    SSL_free(ssl); /* here, since it counts in a variable of this function */
    ssl = NULL;
    cr_assert_eq(borrowed, 0);
    cr_assert_eq(kept, 1);
}
