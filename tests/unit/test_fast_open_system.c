#include "server/lib/dial/fast_open_system.h"

#include <criterion/criterion.h>
#include <string.h>

Test(fast_open_system, what_the_system_forbids)
{
    static const struct {
        const char *sysctl;
        bool dialing, listening; /* allowed */
    } rows[] = {{"0\n", false, false}, {"1\n", true, false},   {"2\n", false, true},
                {"3\n", true, true},   {"1027\n", true, true}, {"0x403\n", true, true},
                {"", false, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *dialing = fast_open_forbidden(rows[i].sysctl, CONFIG_WE_DIAL);
        const char *listening = fast_open_forbidden(rows[i].sysctl, CONFIG_PEER_DIALS);
        cr_assert_eq(!dialing, rows[i].dialing, "%s", rows[i].sysctl);
        cr_assert_eq(!listening, rows[i].listening, "%s", rows[i].sysctl);
        cr_assert(!listening || strstr(listening, "tcp_fastopen=3"));
    }
}
