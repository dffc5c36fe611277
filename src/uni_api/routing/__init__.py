"""Routing: which channels may serve a request, and in which order they are tried.

Rule 1: permission and priority come from the client key's rules, never from a list of known models.
Rule 2: everything is decided from the Plan and from a few named counters; no JSON, no dialect, no vendor.
Rule 3: the choice says who is next; whether there is a next is told by what became of the last try.
"""

from uni_api.routing.doors import Shut
from uni_api.routing.health import Health, Visit
from uni_api.routing.pool import Candidate, Entry, Pool, Router
from uni_api.routing.ring import KeyRing, Lease
from uni_api.routing.schedule import Scheduler
from uni_api.routing.tries import Preference, Tries, Try, first_try

__all__ = [
    "Candidate",
    "Entry",
    "Health",
    "KeyRing",
    "Lease",
    "Pool",
    "Preference",
    "Router",
    "Scheduler",
    "Shut",
    "Tries",
    "Try",
    "Visit",
    "first_try",
]
