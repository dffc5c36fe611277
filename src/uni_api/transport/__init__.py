"""Transport: the upstream HTTP/1.1 client. Connections, pool, TLS, proxies, timeouts.

Rule 1: bytes in, bytes out; nothing here knows a model, a dialect or a retry policy.
Rule 2: every failure is a Fault whose message names the host, never a credential, a query or a full URL.
Rule 3: a request that finds an idle connection costs one write, one wait and no task, lock or new timer.
Rule 4: memory per exchange is bounded; who leaves an exchange early closes its connection at once.
"""

from uni_api.transport.client import HttpClient
from uni_api.transport.head import Head, Origin, compile_head
from uni_api.transport.proxy import Proxy
from uni_api.transport.response import Response
from uni_api.transport.timeouts import Limits, Timeouts

__all__ = ["Head", "HttpClient", "Limits", "Origin", "Proxy", "Response", "Timeouts", "compile_head"]
