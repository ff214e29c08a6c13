#include "relay/internal.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void append(struct spill *spill, const char *text)
{
    cr_assert_eq(spill_append(spill, text, strlen(text)), 0);
}

static void assert_holds(const struct spill *spill, const char *text)
{
    cr_assert_eq(spill_size(spill), strlen(text), "%zu bytes", spill_size(spill));
    cr_assert_arr_eq(spill->data + spill->start, text, strlen(text));
}

Test(spill, a_zero_one_is_empty, .timeout = 5)
{
    struct spill spill = {0};
    cr_assert_eq(spill_size(&spill), 0);
    cr_assert_eq(spill_append(&spill, NULL, 0), 0, "nothing costs nothing");
    cr_assert_null(spill.data);
}

Test(spill, comes_out_in_the_order_in_which_it_went_in, .timeout = 5)
{
    struct spill spill = {0};
    append(&spill, "abc");
    append(&spill, "def");
    assert_holds(&spill, "abcdef");
    spill_take(&spill, 2);
    assert_holds(&spill, "cdef");
    append(&spill, "ghi");
    assert_holds(&spill, "cdefghi");
    spill_take(&spill, 7);
    cr_assert_eq(spill_size(&spill), 0);
}

Test(spill, an_empty_one_keeps_no_memory, .timeout = 5)
{
    struct spill spill = {0};
    append(&spill, "abc");
    spill_take(&spill, 3);
    cr_assert_null(spill.data);
    cr_assert_eq(spill.capacity, 0);
    append(&spill, "again");
    assert_holds(&spill, "again");
    spill_take(&spill, 5);
}

Test(spill, what_was_taken_makes_room, .timeout = 5)
{
    struct spill spill = {0};
    append(&spill, "0123456789");
    size_t capacity = spill.capacity;
    for (int i = 0; i < 1000; i++) {
        spill_take(&spill, 4);
        append(&spill, "abcd");
    }
    cr_assert_eq(spill.capacity, capacity, "it grew to %zu", spill.capacity);
    assert_holds(&spill, "cdabcdabcd");
    free(spill.data);
}

/* Against a model: random amounts in and out. */
Test(spill, random_amounts, .timeout = 20)
{
    struct spill spill = {0};
    uint8_t in = 0, out = 0;
    srand(7);
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[300];
        size_t size = (size_t)rand() % sizeof(bytes);
        for (size_t i = 0; i < size; i++)
            bytes[i] = in++;
        cr_assert_eq(spill_append(&spill, bytes, size), 0);
        size_t take = (size_t)rand() % (spill_size(&spill) + 1);
        if (spill_size(&spill) > 5000)
            take = spill_size(&spill);
        for (size_t i = 0; i < take; i++)
            cr_assert_eq(spill.data[spill.start + i], out++, "round %d", round);
        if (take)
            spill_take(&spill, take);
    }
    free(spill.data);
}
