/* How often a test does the same where that is several times slower.
 *
 * In variant release a test does everything. A sanitizer or valgrind looks at each way once, and
 * learns little from the hundredth round: there the number of rounds, bytes or positions is divided
 * by TEST_SHARE, which tests/SConscript defines. Never divide the number of kinds: roles, versions,
 * transports, drivers. */
#ifndef ACTPASS_TESTS_SHARE_H
#define ACTPASS_TESTS_SHARE_H

#ifndef TEST_SHARE
#define TEST_SHARE 1
#endif

/* Of COUNT rounds, those that are done here; at least one. */
#define TEST_ROUNDS(count) (((count) + TEST_SHARE - 1) / TEST_SHARE)

#endif
