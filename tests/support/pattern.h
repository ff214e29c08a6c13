/* A stream of bytes in which every offset can be told from its neighbours, so that a test notices
 * bytes that were lost, doubled or exchanged. Pure functions. */
#ifndef ACTPASS_TESTS_SUPPORT_PATTERN_H
#define ACTPASS_TESTS_SUPPORT_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bytes of stream SEED from OFFSET on. */
void pattern_fill(uint8_t *bytes, size_t size, uint64_t offset, unsigned seed);

bool pattern_matches(const uint8_t *bytes, size_t size, uint64_t offset, unsigned seed);

#endif
