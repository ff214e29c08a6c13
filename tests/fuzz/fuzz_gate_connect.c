/* Lets a gate read any bytes as HTTP CONNECT. */
#include "server/daemon/gate/connect.h"
#include "tests/support/gate_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gate_fuzz(&gate_connect, data, size);
    return 0;
}
