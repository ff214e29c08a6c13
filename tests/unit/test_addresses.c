#include "server/daemon/addresses.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct peer_key key_number(unsigned number)
{
    struct peer_key key = {.address = {[10] = 0xff, [11] = 0xff}};
    key.address[14] = (uint8_t)(number >> 8);
    key.address[15] = (uint8_t)number;
    return key;
}

static void add(struct addresses *addresses, struct address_entry *entry, unsigned number,
                int64_t now_us)
{
    struct peer_key key = key_number(number);
    cr_assert(addresses_add(addresses, entry, &key, now_us));
}

static size_t open_of(struct addresses *addresses, unsigned number)
{
    struct peer_key key = key_number(number);
    return addresses_open(addresses, &key);
}

Test(addresses, the_address_with_most_loses_its_oldest)
{
    struct addresses *addresses = addresses_new();
    struct address_entry device;
    struct address_entry attacker[3];
    cr_assert_null(addresses_first_to_go(addresses));
    add(addresses, &device, 1, 1);
    cr_assert_eq(addresses_first_to_go(addresses), &device);
    for (int i = 0; i < 3; i++)
        add(addresses, &attacker[i], 2, 10 + i);
    cr_assert_eq(addresses_most_undecided(addresses), 3);
    cr_assert_eq(addresses_first_to_go(addresses), &attacker[0]);
    addresses_settle(addresses, &attacker[0]);
    cr_assert_eq(addresses_first_to_go(addresses), &attacker[1]);
    addresses_remove(addresses, &attacker[1]);
    cr_assert_eq(addresses_first_to_go(addresses), &device, "with as many each, the oldest");
    cr_assert_eq(open_of(addresses, 2), 2, "settled ones are open still");
    addresses_remove(addresses, &attacker[0]);
    addresses_remove(addresses, &attacker[2]);
    addresses_remove(addresses, &device);
    cr_assert_eq(open_of(addresses, 2), 0);
    cr_assert_null(addresses_first_to_go(addresses));
    addresses_free(addresses);
}

Test(addresses, what_is_not_in_may_be_taken_out)
{
    struct addresses *addresses = addresses_new();
    struct address_entry entry = {0};
    addresses_settle(addresses, &entry);
    addresses_remove(addresses, &entry);
    cr_assert_eq(addresses_most_undecided(addresses), 0);
    addresses_free(addresses);
    addresses_free(NULL);
}

enum { MANY = 2000, NUMBERS = 150 };

/* The slow way to the same: counts, and the oldest of those that have most. */
static const struct address_entry *expected(const struct address_entry *all, const unsigned *of)
{
    size_t counts[NUMBERS] = {0};
    const struct address_entry *best = NULL;
    size_t most = 0;
    for (size_t i = 0; i < MANY; i++)
        counts[of[i]] += all[i].undecided;
    for (size_t i = 0; i < MANY; i++) {
        size_t count = all[i].undecided ? counts[of[i]] : 0;
        if (count > most ||
            (count > 0 && count == most && best && all[i].since_us < best->since_us)) {
            best = &all[i];
            most = count;
        }
    }
    return best;
}

Test(addresses, order_holds_whatever_comes_and_goes, .timeout = 60)
{
    static struct address_entry all[MANY];
    static unsigned of[MANY];
    struct addresses *addresses = addresses_new();
    unsigned seed = 7;
    for (int step = 0; step < 20000; step++) {
        size_t i = (size_t)rand_r(&seed) % MANY;
        if (!all[i].address) {
            of[i] = (unsigned)rand_r(&seed) % NUMBERS;
            add(addresses, &all[i], of[i], step);
        } else if (rand_r(&seed) % 3 == 0) {
            addresses_settle(addresses, &all[i]);
        } else {
            addresses_remove(addresses, &all[i]);
        }
        if (step % 20 == 0)
            cr_assert_eq(addresses_first_to_go(addresses), expected(all, of), "step %d", step);
    }
    for (size_t i = 0; i < MANY; i++)
        addresses_remove(addresses, &all[i]);
    cr_assert_eq(addresses_most_undecided(addresses), 0);
    addresses_free(addresses);
}
