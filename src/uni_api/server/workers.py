"""Several processes at one address: started, watched, started again, and ended together."""

import logging
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial

from uni_api.server._doorway import Shares

logger = logging.getLogger("uni_api.server")

READY, DRAIN, END = b"r", b"d", b"e"
"""What is said over a worker's line: by the worker, that it serves; to it, to drain, and to end at once."""

STEADY = 5.0
"""Seconds after which a worker's end is no longer a failed start."""
PAUSE = 0.1
"""Seconds before a worker is started again. Each failed start in a row doubles them."""
TRIES = 6
"""Failed starts in a row of one worker, after which all end."""
SLACK = 3.0
"""Seconds beyond those of the drain before a worker that does not end is killed."""

REFUSED = 2
"""The exit code of a worker that can't use the configuration: another one could not either."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_ORDERLY = {0, *(-number for number in _SIGNALS)}
"""How a worker that was told to end may end: also by the signal itself, when that reached it before it listened."""


class Line:
    """A worker's end of its line to the parent. It falls silent when the parent is gone, however that ended.

    `tell`: lets the other workers know how many connections this one has; whether none has clearly fewer.
    """

    def __init__(self, wire: socket.socket, tell: Callable[[int], bool]) -> None:
        self.tell = tell
        self._wire = wire
        self._wire.setblocking(False)

    def fileno(self) -> int:
        return self._wire.fileno()

    def ready(self) -> None:
        """Tell the parent that this worker serves. A parent that is gone is found out by `orders`."""
        try:
            self._wire.send(READY)
        except OSError:
            logger.debug("the parent is gone")

    def orders(self) -> bytes:
        """What the parent has said since the last time: DRAIN and END, in order; nothing when it is gone."""
        try:
            return self._wire.recv(64)
        except ConnectionError:
            return b""

    def __repr__(self) -> str:
        return f"<Line {self._wire.fileno()}>"


class Patience:
    """For how long to wait before one worker is started again, and when to give up."""

    def __init__(self) -> None:
        self._failures = 0

    def after(self, lived: float) -> float | None:
        """Seconds to wait, now that the worker has ended after `lived` seconds; None when enough have failed."""
        self._failures = 0 if lived >= STEADY else self._failures + 1
        if self._failures >= TRIES:
            return None
        return PAUSE * 2.0 ** max(self._failures - 1, 0)


def split(count: int, listener: socket.socket, *, drain: float, started: Callable[[], None]) -> Line:
    """Go on as `count` processes: returns in each of them, and never in the one that called.

    That one watches the others, calls `started` once all of them serve, and ends with SystemExit when they have
    ended. Must be called before there is an event loop or a thread.
    """
    return _Parent(count, listener, drain, started).run()


class _Worker:
    """What the parent knows of one worker."""

    def __init__(self, place: int, pid: int, wire: socket.socket) -> None:
        self.place = place
        self.pid = pid
        self.wire = wire
        self.born = time.monotonic()
        self.serves = False

    def tell(self, order: bytes) -> None:
        """Say `order`; a worker that has just ended does not hear it."""
        try:
            self.wire.send(order)
        except OSError:
            logger.debug("worker %d has ended", self.pid)


class _Parent:
    """Serves nothing. Sleeps until a signal, a word of a worker, or the end of one, which closes its line."""

    def __init__(self, count: int, listener: socket.socket, drain: float, started: Callable[[], None]) -> None:
        self._count = count
        self._listener = listener
        self._drain = drain
        self._started = started
        self._shares = Shares(count)
        self._workers: dict[int, _Worker] = {}
        self._patience = [Patience() for _ in range(count)]
        self._due = {0: time.monotonic()}
        """When the worker of a place is to be started. The others wait until the first one serves, so that what
        keeps all of them from starting is told once."""
        self._opened = self._announced = False
        self._stopping = False
        self._deadline: float | None = None
        self._code = 0
        self._signals = 0
        self._heard = 0
        self._selector = selectors.PollSelector()
        self._alarm, self._bell = socket.socketpair()

    def run(self) -> Line:
        self._listen_for_signals()
        while True:
            while (place := self._next_due()) is not None:
                if (line := self._start(place)) is not None:
                    return line
            if self._stopping and not self._workers:
                raise SystemExit(self._code)
            self._wait()
            self._heed_signals()
            self._enforce_deadline()

    def _next_due(self) -> int | None:
        now = time.monotonic()
        return next((place for place, at in self._due.items() if at <= now), None)

    def _listen_for_signals(self) -> None:
        self._alarm.setblocking(False)
        self._bell.setblocking(False)
        self._selector.register(self._alarm, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, self._count_signal)

    def _count_signal(self, *_: object) -> None:
        self._signals += 1

    def _start(self, place: int) -> Line | None:
        """Start the worker of `place`. The worker's line in the worker, None in the parent."""
        del self._due[place]
        ours, theirs = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        # A signal to the newborn must not be taken for one to the parent: both would hear the parent's bell.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            pid = os.fork()
            if pid == 0:
                ours.close()
                self._leave()
                return Line(theirs, partial(self._shares.tell, place))
        except OSError as error:
            ours.close()
            logger.error("no process can be started: %s", error.strerror)
            self._again(place, 0.0)
        else:
            ours.setblocking(False)
            self._workers[place] = worker = _Worker(place, pid, ours)
            self._selector.register(ours, selectors.EVENT_READ, worker)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        return None

    def _leave(self) -> None:
        """In a worker: let go of all that is the parent's, or the others would never see it go."""
        signal.set_wakeup_fd(-1)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        self._selector.close()
        for wire in (self._alarm, self._bell, *(worker.wire for worker in self._workers.values())):
            wire.close()

    def _wait(self) -> None:
        moments = [*self._due.values(), *([] if self._deadline is None else [self._deadline])]
        timeout = max(0.0, min(moments) - time.monotonic()) if moments else None
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                self._alarm.recv(64)
            else:
                self._listen_to(key.data)

    def _listen_to(self, worker: _Worker) -> None:
        try:
            said = worker.wire.recv(64)
        except ConnectionError:
            said = b""
        if not said:
            self._bury(worker)
            return
        worker.serves = True
        if not self._opened and not self._stopping:
            self._opened = True
            self._due = dict.fromkeys(range(1, self._count), time.monotonic())
        if not self._announced and sum(each.serves for each in self._workers.values()) == self._count:
            self._announced = True
            self._started()

    def _bury(self, worker: _Worker) -> None:
        self._selector.unregister(worker.wire)
        worker.wire.close()
        del self._workers[worker.place]
        self._shares.leave(worker.place)
        code = os.waitstatus_to_exitcode(os.waitpid(worker.pid, 0)[1])
        if self._stopping:
            self._code = self._code or int(code not in _ORDERLY)
        elif code == REFUSED and not self._opened:
            self._stop(REFUSED)
        else:
            logger.warning("worker %d ended unexpectedly: %s", worker.pid, _told(code))
            self._again(worker.place, time.monotonic() - worker.born)

    def _again(self, place: int, lived: float) -> None:
        pause = self._patience[place].after(lived)
        if pause is None:
            logger.error("a worker failed to start %d times in a row; giving up", TRIES)
            self._stop(1)
        else:
            self._due[place] = time.monotonic() + pause

    def _heed_signals(self) -> None:
        """The first signal asks for a drain, the second for an end at once."""
        heard, self._heard = self._heard, self._signals
        if heard == 0 and self._heard > 0:
            self._stop(0)
        if heard < 2 <= self._heard:
            self._tell_all(END)
            self._deadline = time.monotonic() + SLACK

    def _stop(self, code: int) -> None:
        """Let all workers drain, and start no more. The last one to end closes the port."""
        if self._stopping:
            return
        self._stopping = True
        self._code = code
        self._deadline = time.monotonic() + self._drain + SLACK
        self._due.clear()
        self._listener.close()
        self._tell_all(DRAIN)

    def _tell_all(self, order: bytes) -> None:
        for worker in self._workers.values():
            worker.tell(order)

    def _enforce_deadline(self) -> None:
        if self._deadline is not None and time.monotonic() >= self._deadline:
            logger.error("workers did not end in time and are killed")
            self._deadline = None
            for worker in self._workers.values():
                os.kill(worker.pid, signal.SIGKILL)

    def __repr__(self) -> str:
        return f"<_Parent of {len(self._workers)} workers>"


def _told(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
