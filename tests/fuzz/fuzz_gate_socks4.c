/* Lets a gate read any bytes as SOCKS4. */
#include "server/daemon/gate/socks4.h"
#include "tests/support/gate_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gate_fuzz(&gate_socks4, data, size);
    return 0;
}
