/* Lets SMTP, IMAP, POP3 and FTP read any bytes before TLS. The first byte says which, and on which
 * side. A result does not depend on how the bytes are split, except that a server's bytes that come
 * before they were asked for are refused where they come at once. */
#include "server/daemon/starttls/table.h"
#include "tests/support/starttls_talk.h"

#include <stdlib.h>

enum { KINDS = CONFIG_STARTTLS_FTP, SIDES = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct starttls_protocol *choose(unsigned number)
{
    const struct starttls_kind *kind =
        starttls_kind_of((enum config_starttls)(CONFIG_STARTTLS_SMTP + number % KINDS));
    switch (number / KINDS % SIDES) {
    case 0:
        return kind->as_server;
    case 1:
        return kind->as_client;
    case 2:
        return kind->plain_as_server;
    default:
        return kind->plain_as_client;
    }
}

static void must(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 2 * STARTTLS_INPUT_MAX)
        return 0;
    const struct starttls_protocol *protocol = choose(data[0]);
    struct starttls_result at_once =
        starttls_talk_read(protocol, "a.example", data + 1, size - 1, size);
    struct starttls_result by_byte =
        starttls_talk_read(protocol, "a.example", data + 1, size - 1, 1);
    must(at_once.next == STARTTLS_WRONG ||
         (at_once.next == by_byte.next && at_once.used == by_byte.used &&
          at_once.sent_size == by_byte.sent_size));
    must(at_once.next != STARTTLS_WRONG || at_once.talk.why.text[0] != '\0');
    must(at_once.next != STARTTLS_MORE || size - 1 - at_once.used < STARTTLS_INPUT_MAX);
    return 0;
}
