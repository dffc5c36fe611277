"""The frames of streamGenerateContent to events. A whole answer is read by the same reader, as one frame."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from uni_api.canon import Broke, Event, Metered, Noted, Rest, Started
from uni_api.dialects.gemini._candidate import Candidate, Indices
from uni_api.dialects.gemini._usage import read_usage
from uni_api.dialects.gemini._words import NAME
from uni_api.dialects.gemini.error import read_error
from uni_api.errors import Fault
from uni_api.framing import Frame

_SAID = frozenset({"candidates", "responseId", "modelVersion", "createTime"})


class Reader:
    """Reads one stream. Ends and left-overs are said by `close`: some models repeat their finish reason in every frame.

    A prompt that was blocked is a fault of kind `filtered` as long as nothing was answered, so that the client sees an
    error with the reason, not an empty answer; after content it ends the answer.
    """

    def __init__(self, realm: str) -> None:
        self._realm = realm
        self._indices = Indices()
        self._candidates: dict[int, Candidate] = {}
        self._id = ""
        self._started = False
        self._over = False
        self._rest: dict[str, Any] = {}

    @property
    def answered(self) -> bool:
        """Whether any candidate has been seen."""
        return bool(self._candidates)

    def feed(self, frame: Frame, /) -> list[Event]:
        """The events that `frame` says; a frame that is not of the dialect gives a Broke event."""
        data = frame.data.strip()
        if self._over or not data or data == b"[DONE]":
            return []
        try:
            said = msgspec.json.decode(data)
        except (ValueError, RecursionError):
            return [self._broke(Fault("protocol", "The upstream sent an event that is not JSON.", raw=data))]
        events: list[Event] = []
        for chunk in said if isinstance(said, list) else [said]:
            events.extend(self.read(chunk, data))
        return events

    def read(self, chunk: Any, raw: bytes = b"") -> Iterator[Event]:
        """The events of one decoded GenerateContentResponse."""
        if self._over:
            return
        if not isinstance(chunk, dict):
            yield self._broke(Fault("protocol", "The upstream sent an event that is not a JSON object.", raw=raw))
            return
        if chunk.get("error"):
            yield self._broke(read_error(200, raw or msgspec.json.encode(chunk)))
            return
        candidates = chunk.get("candidates")
        candidates = [each for each in candidates if isinstance(each, dict)] if isinstance(candidates, list) else []
        if (
            not candidates
            and not self._candidates
            and (fault := _blocked(chunk.get("promptFeedback"), raw)) is not None
        ):
            yield self._broke(fault)
            return
        yield from self._start(chunk)
        for number, said in enumerate(candidates):
            index = said.get("index")
            index = index if isinstance(index, int) and 0 <= index < 1000 else number
            if index not in self._candidates:
                self._candidates[index] = Candidate(index, self._realm, self._indices)
            yield from self._candidates[index].feed(said, self._id)
        if not candidates and (fault := _blocked(chunk.get("promptFeedback"), raw)) is not None:
            for candidate in self._candidates.values():
                candidate.finish = fault.code if candidate.finish is None else candidate.finish
        if (usage := read_usage(chunk.get("usageMetadata"))) is not None:
            yield Metered(usage)
        for name, value in chunk.items():
            if name not in _SAID:
                self._rest[name] = value

    def close(self) -> list[Event]:
        """The ends of all candidates, or a Broke event when the stream ended before one of them had finished."""
        if self._over:
            return []
        if not self._candidates:
            return [self._broke(Fault("protocol", "The upstream's stream ended without an answer."))]
        unfinished = any(candidate.finish is None for candidate in self._candidates.values())
        events = list(self.end())
        if unfinished:
            events.append(Broke(Fault("protocol", "The upstream's stream ended before the answer was complete.")))
        return events

    def end(self) -> Iterator[Event]:
        """What is left to say, whether finished or not."""
        self._over = True
        for candidate in self._candidates.values():
            yield from candidate.close(self._id)
        if self._rest:
            yield Noted(Rest(NAME, self._rest))

    def _start(self, chunk: Mapping[str, Any]) -> Iterator[Event]:
        if self._started:
            return
        self._started = True
        identity, model = chunk.get("responseId"), chunk.get("modelVersion")
        self._id = identity if isinstance(identity, str) else ""
        yield Started(
            id=self._id or None,
            model=model if isinstance(model, str) and model else None,
            created=_seconds(chunk.get("createTime")),
        )

    def _broke(self, fault: Fault) -> Broke:
        self._over = True
        return Broke(fault)


def reader(realm: str, /) -> Reader:
    """A fresh reader; `realm` goes on every seal that it finds."""
    return Reader(realm)


def _blocked(feedback: Any, raw: bytes) -> Fault | None:
    reason = feedback.get("blockReason") if isinstance(feedback, dict) else None
    if not reason:
        return None
    said = feedback.get("blockReasonMessage")
    message = f"The prompt was blocked by the model's provider ({reason})."
    return Fault("filtered", f"{message} {said}" if isinstance(said, str) else message, code=str(reason), raw=raw)


def _seconds(time: Any) -> int | None:
    try:
        return int(datetime.fromisoformat(time).timestamp()) if isinstance(time, str) else None
    except (ValueError, OverflowError):
        return None
