/* Lets MySQL's talk read any bytes, as a greeting, a request, and in a login, in one piece and byte
 * by byte. The first byte says which. */
#include "server/daemon/starttls/mysql.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static enum mysql_next talk(unsigned which, const uint8_t *data, size_t size)
{
    unsigned char request[MYSQL_REQUEST_SIZE];
    struct error_text why;
    size_t used = 0, offer = 0;
    enum mysql_next next = which == 0   ? mysql_read_greeting(data, size, &used, &offer, &why)
                           : which == 1 ? mysql_read_request(data, size, &why)
                                        : mysql_make_request(data, size, request, &why);
    must(next != MYSQL_READY || which != 0 || (used <= size && offer < used));
    must(next != MYSQL_MORE || size < MYSQL_GREETING_MAX);
    return next;
}

static void check_talk(unsigned which, const uint8_t *data, size_t size)
{
    enum mysql_next next = MYSQL_MORE;
    for (size_t have = 0; have <= size && next == MYSQL_MORE; have++) {
        uint8_t *copy = malloc(have ? have : 1);
        must(copy);
        memcpy(copy, data, have);
        next = talk(which, copy, have);
        free(copy);
    }
    must(next == talk(which, data, size));
}

static void check_login(const uint8_t *data, size_t size, struct mysql_flow flow)
{
    struct error_text why;
    struct mysql_flow slow = flow;
    uint8_t *one = malloc(size + 1), *other = malloc(size + 1);
    bool right = true;
    must(one && other);
    memcpy(one, data, size);
    memcpy(other, data, size);
    for (size_t i = 0; i < size && right; i++)
        right = mysql_pass(&slow, other + i, 1, &why);
    must(mysql_pass(&flow, one, size, &why) == right);
    must(!right || (flow.done == slow.done && memcmp(one, other, size) == 0));
    free(one);
    free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 4096)
        return 0;
    unsigned which = data[0] % 7;
    if (which < 3)
        check_talk(which, data + 1, size - 1);
    else
        check_login(data + 1, size - 1,
                    (struct mysql_flow){.from_client = which & 1, .to_tls = which > 4});
    return 0;
}
