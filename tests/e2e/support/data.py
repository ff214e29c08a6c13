"""Test data that is the same in every process: no two places in it are alike."""
import functools
import hashlib
import os
import random
import time

MIB = 1024 * 1024
# Many times what all buffers on the way hold. Runs with a slow program ask for less.
BULK = int(os.environ.get("ACTPASS_BULK_MIB", 64)) * MIB


def soak(short, long):
    """How often: ACTPASS_SOAK=1 (scons soak) asks for the full count."""
    return long if os.environ.get("ACTPASS_SOAK") else short


def fleet(short, many, long):
    """As soak, for tests of fleets: ACTPASS_FLEET=1 (tests/run.sh fleet) asks for MANY."""
    return soak(many if os.environ.get("ACTPASS_FLEET") else short, long)


@functools.lru_cache(maxsize=4)
def block(size, seed=1):
    return random.Random(seed).randbytes(size)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def until(condition, timeout=30, what="the condition"):
    """Polls until the condition holds, and answers its value. The longer it takes, the less often."""
    began = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        waited = time.monotonic() - began
        if waited > timeout:
            raise AssertionError(f"{what} did not come true within {timeout} s")
        time.sleep(min(max(waited / 20, 0.01), 0.1))
