"""The example proxy, which is made of the public API alone, passes actpass's tests of forward."""
import test_bytes
import test_call_home
import test_endings
import test_real_clients
from support.forwarder import Forwarded


class ProxyBytes(Forwarded, test_bytes.Bytes):
    without = ("echo_of_more_than_all_buffers_hold",)


class ProxyEndings(Forwarded, test_endings.Endings):
    without = ("within_the_handshake", "idle_timeout_of_echo", "handshake_timeout")


class ProxyRealClients(Forwarded, test_real_clients.RealClients):
    pass


class ProxyCallHome(Forwarded, test_call_home.CallHome):
    pass


class ProxyBothOnOnePort(Forwarded, test_call_home.BothOnOnePort):
    pass
