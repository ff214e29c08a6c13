"""As test_proxy.py: the tests of forward with much data, and with clients and devices of others."""
import test_bytes
import test_call_home
import test_real_clients
from support.forwarder import Forwarded


class ProxyBytes(Forwarded, test_bytes.Bytes):
    without = ("echo_of_more_than_all_buffers_hold",)


class ProxyRealClients(Forwarded, test_real_clients.RealClients):
    pass


class ProxyCallHome(Forwarded, test_call_home.CallHome):
    pass
