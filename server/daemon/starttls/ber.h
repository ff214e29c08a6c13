/* The part of BER (ITU-T X.690) that LDAP uses (RFC 4511 section 5.1): definite lengths. Reads
 * elements from a buffer that is borrowed. */
#ifndef ACTPASS_SERVER_STARTTLS_BER_H
#define ACTPASS_SERVER_STARTTLS_BER_H

#include <stdbool.h>
#include <stddef.h>

struct ber {
    const unsigned char *at;
    size_t left;
};

enum ber_result {
    BER_OK,
    BER_MORE, /* it goes on behind what is there */
    BER_WRONG /* no element, one with an indefinite length, or more than 16 MiB */
};

/* The size of the element that BER begins with, header included; BER_MORE: it is not known yet. */
enum ber_result ber_size(const struct ber *ber, size_t *size);

/* Takes the next element if it is complete: its tag, and what it contains. */
bool ber_next(struct ber *ber, unsigned *tag, struct ber *content);

/* The same, if it has this tag. */
bool ber_take(struct ber *ber, unsigned tag, struct ber *content);

/* Takes an INTEGER or ENUMERATED of 0 to 2147483647. */
bool ber_take_number(struct ber *ber, unsigned tag, long *value);

#endif
