"""Relay: one request's life: plan, admit, attempt, commit, settle.

Rule 1: knows the order of things and nothing of wire keys, URLs or SQL.
Rule 2: every attempt is built from the client's original request, never from the last attempt's.
Rule 3: before the first content a failure costs a try; after it, a failure is said in-band.
Rule 4: whoever opened an upstream response closes it, however the exchange ends.
"""

from uni_api.relay.answer import Answer, Stream
from uni_api.relay.exchange import Exchange
from uni_api.relay.relay import Relay
from uni_api.relay.upstream import UpstreamResponse

__all__ = ["Answer", "Exchange", "Relay", "Stream", "UpstreamResponse"]
