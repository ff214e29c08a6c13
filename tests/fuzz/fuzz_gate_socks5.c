/* Lets a gate read any bytes as SOCKS5. */
#include "server/daemon/gate/socks5.h"
#include "tests/support/gate_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gate_fuzz(&gate_socks5, data, size);
    return 0;
}
