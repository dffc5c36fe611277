"""State: what requests share: windows of limits, turns, rests after failures, spendings.

Rule 1: check and take are one step; nothing is asked first and taken later.
Rule 2: one face, two homes: this process, or a server that several share. Nobody else knows which.
Rule 3: every call comes back in a bounded time; a home that is away is replaced, said so, and joined again.
"""

from uni_api.state.base import State
from uni_api.state.gauge import Gauge, Purse
from uni_api.state.local import LocalState
from uni_api.state.opening import open_state
from uni_api.state.wants import Short, Taken, Want

__all__ = ["Gauge", "LocalState", "Purse", "Short", "State", "Taken", "Want", "open_state"]
