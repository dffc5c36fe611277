"""How long to wait, and what to do meanwhile: from the file to the Plan."""

import json
from collections.abc import Iterable

from uni_api.config import schema
from uni_api.config.policy import Hedging, WaitPolicy, WaitRule, Waits

MOST_AT_ONCE = 4


def hedging(section: schema.Hedging | None) -> Hedging | None:
    """None: nobody is asked twice."""
    if section is None or not section.enabled:
        return None
    usual = Hedging()
    return Hedging(
        after=section.after or usual.after,
        most=min(section.max_inflight_attempts or usual.most, MOST_AT_ONCE),
        share=usual.share if section.max_extra is None else section.max_extra / 100,
    )


def policy(section: schema.TimeoutPolicy | None) -> WaitPolicy:
    if section is None:
        return WaitPolicy()
    return WaitPolicy(_waits(section.default), tuple(_rule(rule) for rule in section.rules or ()))


def _rule(section: schema.TimeoutRule) -> WaitRule:
    match = section.match
    if match is None:
        return WaitRule((), _waits(section.timeout))
    words = {name: match.words(name) for name in schema.TimeoutMatch.keys if name != "stream"}
    return WaitRule(
        tuple((name, found) for name, found in words.items() if found), _waits(section.timeout), match.stream
    )


def _waits(section: schema.Timeouts | None) -> Waits:
    if section is None:
        return Waits()
    return Waits(
        connect=section.connect or section.pool,
        write=section.write,
        first_byte=section.first_byte,
        idle=section.idle,
        total=section.total,
    )


def triggers(words: Iterable[str]) -> tuple[bytes, ...]:
    """The bytes to look for: a word as it is, and as JSON may escape it."""
    found: dict[bytes, None] = {}
    for word in words:
        for spelt in (word, json.dumps(word, ensure_ascii=False)[1:-1], json.dumps(word)[1:-1]):
            if spelt:
                found[spelt.encode("utf-8", "surrogatepass")] = None
    return tuple(found)
