/* The position of the strict scan in its text, and the values without children. Calls go down only:
 * scan.c, scan_atom.c and scan_space.c, scanner.c. */
#ifndef ACTPASS_CONFIG_SCANNER_H
#define ACTPASS_CONFIG_SCANNER_H

#include "config/position.h"

#include <stdbool.h>
#include <stddef.h>

enum { SCAN_DEPTH_MAX = 32, SCAN_NUMBER_MAX = 63 /* the buffer of cJSON */ };

struct scanner {
    const unsigned char *text;
    size_t length, at;
    char *plain; /* NULL: JSON; else JSONC, and this becomes the text as JSON */
    struct position here;
    unsigned depth;
    struct fault *fault;
};

int scan_peek(const struct scanner *scanner); /* the next byte, or -1 at the end */
void scan_step(struct scanner *scanner);      /* over one byte */

/* Sets the fault and returns false. */
__attribute__((format(printf, 3, 4))) bool scan_fail(struct scanner *scanner, struct position at,
                                                     const char *format, ...);
bool scan_unexpected(struct scanner *scanner, const char *wanted);

/* Over white space, and comments in JSONC. */
bool scan_space(struct scanner *scanner);
/* Makes these bytes of plain spaces. */
void scan_blank(const struct scanner *scanner, size_t from, size_t to);

/* Each begins at the first byte of its value and leaves the scanner after the last one. */
bool scan_string(struct scanner *scanner);
bool scan_number(struct scanner *scanner, bool *whole);
bool scan_word(struct scanner *scanner); /* true, false, null */

#endif
