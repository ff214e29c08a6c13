/* Lets LDAP, PostgreSQL and XMPP read any bytes before TLS. The first byte says which, and on which
 * side. The result does not depend on how the bytes are split, and the talk ends. */
#include "server/daemon/starttls/ldap.h"
#include "server/daemon/starttls/postgresql.h"
#include "server/daemon/starttls/xmpp.h"
#include "tests/support/starttls_talk.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct starttls_protocol *const all[] = {
    &starttls_ldap_server,       &starttls_ldap_client,      &starttls_postgresql_server,
    &starttls_postgresql_client, &starttls_postgresql_local, &starttls_xmpp_server,
    &starttls_xmpp_client,       &starttls_xmpp_s2s_client};

static void must(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > STARTTLS_INPUT_MAX + 64)
        return 0;
    const struct starttls_protocol *protocol = all[data[0] % (sizeof(all) / sizeof(all[0]))];
    struct starttls_result at_once =
        starttls_talk_read(protocol, "a.example", data + 1, size - 1, size);
    struct starttls_result by_byte =
        starttls_talk_read(protocol, "a.example", data + 1, size - 1, 1);
    must(at_once.next == by_byte.next && at_once.sent_size == by_byte.sent_size);
    must(at_once.next == STARTTLS_WRONG || at_once.used == by_byte.used);
    must(at_once.next != STARTTLS_WRONG || at_once.talk.why.text[0] != '\0');
    must(at_once.next != STARTTLS_MORE || size - 1 - at_once.used < STARTTLS_INPUT_MAX);
    return 0;
}
