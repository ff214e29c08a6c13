#include "server/daemon/starttls/ber.h"

enum { LONG_FORM = 0x80, LENGTH_BYTES_MAX = 3, MULTI_BYTE_TAG = 0x1f, NUMBER_BYTES_MAX = 4 };

enum ber_result ber_size(const struct ber *ber, size_t *size)
{
    if (ber->left > 0 && (ber->at[0] & MULTI_BYTE_TAG) == MULTI_BYTE_TAG)
        return BER_WRONG;
    if (ber->left < 2)
        return BER_MORE;
    size_t length = ber->at[1], bytes = 0;
    if (length >= LONG_FORM) {
        bytes = length - LONG_FORM;
        if (bytes == 0 || bytes > LENGTH_BYTES_MAX + 1)
            return BER_WRONG;
        if (ber->left < 2 + bytes)
            return BER_MORE;
        length = 0;
        for (size_t i = 0; i < bytes; i++)
            length = length << 8 | ber->at[2 + i];
        if (length >> (8 * LENGTH_BYTES_MAX) != 0)
            return BER_WRONG;
    }
    *size = 2 + bytes + length;
    return BER_OK;
}

bool ber_next(struct ber *ber, unsigned *tag, struct ber *content)
{
    size_t size;
    if (ber_size(ber, &size) != BER_OK || size > ber->left)
        return false;
    size_t header = 2 + (ber->at[1] > LONG_FORM ? (size_t)ber->at[1] - LONG_FORM : 0);
    *tag = ber->at[0];
    *content = (struct ber){.at = ber->at + header, .left = size - header};
    ber->at += size;
    ber->left -= size;
    return true;
}

bool ber_take(struct ber *ber, unsigned tag, struct ber *content)
{
    unsigned found;
    return ber->left > 0 && ber->at[0] == tag && ber_next(ber, &found, content);
}

bool ber_take_number(struct ber *ber, unsigned tag, long *value)
{
    struct ber content;
    if (!ber_take(ber, tag, &content) || content.left == 0 || content.left > NUMBER_BYTES_MAX ||
        content.at[0] >= 0x80)
        return false;
    *value = 0;
    for (size_t i = 0; i < content.left; i++)
        *value = *value << 8 | content.at[i];
    return true;
}
