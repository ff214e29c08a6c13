/* Classifies any bytes as the first ones of a connection. Nothing may be read beyond them, more
 * bytes may not change a decision, and there must be one when the relay's buffer is full. */
#include "relay/hello.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum hello classify(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1); /* of the exact size, for the sanitizer */
    if (!copy)
        abort();
    if (size)
        memcpy(copy, data, size);
    enum hello result = hello_classify(copy, size);
    uint8_t digest[HELLO_DIGEST];
    size_t taken = hello_digest(copy, size, digest);
    if (taken > size || (taken && result != HELLO_CLIENT))
        abort();
    free(copy);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum hello result = HELLO_PARTIAL;
    size_t max = size < 64 ? size : 64;
    for (size_t length = 0; length <= max; length++) {
        enum hello next = classify(data, length);
        /* One byte of text decides alone, though more may turn out to be a record of that type. */
        bool letter = length == 2 && result == HELLO_NOT_TLS;
        if (result != HELLO_PARTIAL && next != result && !letter)
            abort();
        result = next;
    }
    enum hello last = classify(data, size);
    if (result != HELLO_PARTIAL && last != result)
        abort();
    if (last == HELLO_PARTIAL && size >= HELLO_MAX)
        abort();
    return 0;
}
