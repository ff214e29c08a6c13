#include "tests/support/pattern.h"

static uint8_t at(uint64_t offset, unsigned seed)
{
    uint64_t mixed = (offset + seed) * UINT64_C(0x9E3779B97F4A7C15);
    return (uint8_t)(mixed >> 56);
}

void pattern_fill(uint8_t *bytes, size_t size, uint64_t offset, unsigned seed)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = at(offset + i, seed);
}

bool pattern_matches(const uint8_t *bytes, size_t size, uint64_t offset, unsigned seed)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != at(offset + i, seed))
            return false;
    return true;
}
