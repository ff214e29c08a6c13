"""The example proxy, which is made of the public API alone, passes actpass's tests of forward."""
import test_call_home
import test_endings
from support.forwarder import Forwarded


class ProxyEndings(Forwarded, test_endings.Endings):
    without = ("within_the_handshake", "idle_timeout_of_echo", "handshake_timeout")


class ProxyBothOnOnePort(Forwarded, test_call_home.BothOnOnePort):
    pass
