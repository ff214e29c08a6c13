/* The buffers of a duplex: what is left in borrowed ones outlives the stack that they are on, in
 * both directions. */
#include "server/daemon/handlers/duplex_internal.h"

#include "tests/support/pattern.h"

#include <criterion/criterion.h>
#include <string.h>

enum { SMALL = DUPLEX_SMALL_BUFFER, IN = 1, OUT = 2 };

static void put(struct duplex_direction *direction, size_t start, size_t end, unsigned seed)
{
    pattern_fill(direction->buffer + start, end - start, start, seed);
    direction->start = start;
    direction->end = end;
}

/* Checks that the bytes from FROM on are there, wherever they are. */
static void has(const struct duplex_direction *direction, size_t from, size_t size, unsigned seed)
{
    cr_assert_eq(direction->end - direction->start, size);
    cr_assert(pattern_matches(direction->buffer + direction->start, size, from, seed));
}

/* The stack is another one by the next step. */
static bool give_back(struct duplex *duplex, uint8_t *memory)
{
    bool given = duplex_give_buffers_back(duplex);
    memset(memory, 0, 2 * SMALL);
    return given;
}

static void keep(size_t in_start, size_t in_end, size_t out_start, size_t out_end)
{
    uint8_t memory[2 * SMALL], other[2 * SMALL];
    struct duplex duplex = {.conn = NULL};
    duplex_borrow_buffers(&duplex, memory);
    put(&duplex.in, in_start, in_end, IN);
    put(&duplex.out, out_start, out_end, OUT);
    for (int step = 0; step < 3; step++) {
        cr_assert(give_back(&duplex, memory));
        cr_assert_not(duplex.borrowed);
        duplex_borrow_buffers(&duplex, other);
        cr_assert_neq((void *)duplex.in.buffer, (void *)other, "bytes were left behind");
        has(&duplex.in, in_start, in_end - in_start, IN);
        has(&duplex.out, out_start, out_end - out_start, OUT);
    }
    duplex_drop_buffers(&duplex);
}

Test(duplex_buffers, what_is_left_in_borrowed_ones_is_kept, .timeout = 10)
{
    keep(0, SMALL, 0, SMALL);
    keep(17, 4000, 0, 0);
    keep(0, 0, 17, 4000);
    keep(SMALL - 1, SMALL, SMALL - 1, SMALL);
}

Test(duplex_buffers, without_bytes_there_are_none, .timeout = 10)
{
    uint8_t memory[2 * SMALL];
    struct duplex duplex = {.conn = NULL};
    duplex_borrow_buffers(&duplex, memory);
    put(&duplex.in, 4000, 4000, IN);
    cr_assert(give_back(&duplex, memory));
    cr_assert_eq(duplex.size, 0);
    cr_assert_null(duplex.in.buffer);
    cr_assert_null(duplex.out.buffer);
}

/* Early bytes, which are there before anything is borrowed. */
Test(duplex_buffers, its_own_ones_are_not_exchanged_while_they_have_bytes, .timeout = 10)
{
    uint8_t memory[2 * SMALL];
    struct duplex duplex = {.conn = NULL};
    cr_assert(duplex_make_buffers(&duplex, SMALL));
    put(&duplex.in, 0, 100, IN);
    duplex_borrow_buffers(&duplex, memory);
    cr_assert(give_back(&duplex, memory));
    has(&duplex.in, 0, 100, IN);
    duplex.in.start = 100;
    duplex_borrow_buffers(&duplex, memory);
    cr_assert(give_back(&duplex, memory));
    cr_assert_eq(duplex.size, 0);
}

Test(duplex_buffers, large_ones_come_once_small_ones_were_full_and_are_empty, .timeout = 10)
{
    uint8_t memory[2 * SMALL];
    struct duplex duplex = {.conn = NULL, .full = true};
    duplex_borrow_buffers(&duplex, memory);
    put(&duplex.out, 0, 1, OUT);
    cr_assert(duplex_grow_buffers(&duplex));
    cr_assert_eq(duplex.size, SMALL, "bytes were lost");
    has(&duplex.out, 0, 1, OUT);
    duplex.out.start = 1;
    cr_assert(duplex_grow_buffers(&duplex));
    cr_assert_eq(duplex.size, DUPLEX_LARGE_BUFFER);
    put(&duplex.in, 0, DUPLEX_LARGE_BUFFER, IN);
    put(&duplex.out, 0, DUPLEX_LARGE_BUFFER, OUT);
    cr_assert(give_back(&duplex, memory));
    has(&duplex.in, 0, DUPLEX_LARGE_BUFFER, IN);
    has(&duplex.out, 0, DUPLEX_LARGE_BUFFER, OUT);
    duplex_release_idle(&duplex);
    cr_assert_eq(duplex.size, DUPLEX_LARGE_BUFFER, "it has bytes");
    duplex.in.start = duplex.in.end;
    duplex.out.start = duplex.out.end;
    duplex_release_idle(&duplex);
    cr_assert_eq(duplex.size, 0);
    cr_assert_not(duplex.full);
}
