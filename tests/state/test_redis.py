"""Shared state with a real Redis: exact over processes, bounded without it, and joined again."""

import asyncio
import json
import math
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trustme
import uvloop

from tests.state.redis_server import RedisServer, free_port, needs_redis, silent_host
from uni_api.secret import Secret
from uni_api.state import Short, Taken, Want
from uni_api.state.redis import RedisState

BOUND = 0.6
"""Seconds that no call may exceed: its bound of 0.25, and what a busy machine adds."""

MINUTE = [Want("a", 10, 60.0)]


async def until(happened: Callable[[], bool], seconds: float = 8.0) -> None:
    for _ in range(int(seconds / 0.02)):
        if happened():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it does not happen")


async def in_time(call: Awaitable[object]) -> object:
    begin = time.monotonic()
    found = await call
    assert time.monotonic() - begin < BOUND
    return found


def took(found: list[Taken | Short]) -> int:
    return sum(isinstance(each, Taken) for each in found)


@needs_redis
def test_fifty_at_once_against_ten() -> None:
    async def run(url: Secret) -> None:
        state = RedisState(url, time.time)
        found = await asyncio.gather(*(state.take(MINUTE) for _ in range(50)))
        assert took(found) == 10
        [first, *_], last = found, found[-1]
        assert isinstance(first, Taken) and first.left == (9,) and first.resets == (60.0,)
        assert isinstance(last, Short) and last.left == 0 and 59 < last.wait <= 60
        assert not state.degraded and state.lapses == state.answered_here == 0
        await state.aclose()

    with RedisServer() as server:
        asyncio.run(run(server.patient))


PROCESS = """
import asyncio, json, sys, time
from uni_api.secret import Secret
from uni_api.state import Taken, Want
from uni_api.state.redis import RedisState

async def main():
    url, count, most, seconds = sys.argv[1], *map(int, sys.argv[2:])
    state = RedisState(Secret(url), time.time)
    await state.spent("warm")
    print("ready", flush=True)
    sys.stdin.readline()
    wants = [Want("a", most, float(seconds)), Want("b", 100000, 3600.0)]
    async def one():
        return isinstance(await state.take(wants), Taken)
    found = []
    for _ in range(count // 50):
        found += await asyncio.gather(*(one() for _ in range(50)))
    print(json.dumps([sum(found), state.lapses]), flush=True)
    await state.aclose()

asyncio.run(main())
"""


def _processes(server: RedisServer, *numbers: int) -> list[list[int]]:
    """What two processes got when they began together: how many takings, how many lapses."""
    command = [sys.executable, "-c", PROCESS, server.patient.reveal(), *map(str, numbers)]
    both = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)]
    for each in both:
        assert each.stdout is not None and each.stdout.readline() == b"ready\n"
    for each in both:
        assert each.stdin is not None
        each.stdin.write(b"go\n")
        each.stdin.flush()
    return [json.loads(each.communicate(timeout=60)[0]) for each in both]


@needs_redis
def test_two_processes_never_exceed_a_limit_together() -> None:
    with RedisServer() as server:
        (one, lapses), (other, more) = _processes(server, 50, 10, 60)
        assert (one + other, lapses + more) == (10, 0)


@needs_redis
def test_two_processes_under_load_get_exactly_what_there_is() -> None:
    with RedisServer() as server:
        (one, lapses), (other, more) = _processes(server, 3_000, 4_000, 3_600)
        assert (one + other, lapses + more) == (4_000, 0)


@needs_redis
def test_windows_in_redis_are_those_of_this_process() -> None:
    """The same takings against both homes, with limits, waits and settlements that differ."""

    async def run(url: Secret) -> None:
        state = RedisState(url, time.time)
        day, second = Want("t", 100, 86_400.0, 40), Want("t", 1_000, 0.3, 40)
        one, two = await state.take([day, second]), await state.take([day, second])
        assert isinstance(one, Taken) and isinstance(two, Taken) and two.left == (20, 920)
        short = await state.take([second, day])
        assert isinstance(short, Short) and (short.want, short.left) == (day, 20) and short.wait > 86_000
        await state.settle(one, [0, 0])
        await state.settle(two, [90, 90])
        short = await state.take([Want("t", 100, 86_400.0, 11)])
        assert isinstance(short, Short) and short.left == 10
        assert isinstance(await state.take([Want("t", 100, 86_400.0, 10)]), Taken)
        never = await state.take([Want("t", 100, 86_400.0, 101)])
        assert isinstance(never, Short) and math.isinf(never.wait)
        twice = await state.take([Want("d", 3, 60.0, 2), Want("d", 3, 60.0, 2)])
        assert isinstance(twice, Short)
        await asyncio.sleep(0.35)
        fresh = await state.take([second])
        assert isinstance(fresh, Taken) and fresh.left == (960,)
        await state.settle(one, [40, 40])  # over in the short window, gone back to zero in the long one
        await state.aclose()

    with RedisServer() as server:
        asyncio.run(run(server.patient))


@needs_redis
def test_the_told_wait_is_long_enough() -> None:
    async def run(url: Secret) -> None:
        state = RedisState(url, time.time)
        want = [Want("a", 1, 0.2)]
        assert isinstance(await state.take(want), Taken)
        short = await state.take(want)
        assert isinstance(short, Short) and 0 < short.wait <= 0.2
        await asyncio.sleep(short.wait + 0.001)
        assert isinstance(await state.take(want), Taken)
        await state.aclose()

    with RedisServer() as server:
        asyncio.run(run(server.patient))


@needs_redis
def test_big_limits_stay_small_in_redis() -> None:
    async def run(server: RedisServer) -> None:
        state = RedisState(server.patient, time.time)
        want = [Want("a", 999_999, 86_400.0)]
        for _ in range(30):
            await asyncio.gather(*(state.take(want) for _ in range(100)))
        taken = await state.take(want)
        assert isinstance(taken, Taken) and taken.left == (999_999 - 3_001,)
        assert int(server.say("ZCARD", "{uni-api}:times:86400000000:a")[1:]) < 1_030
        await state.aclose()

    with RedisServer() as server:
        asyncio.run(run(server))


@needs_redis
def test_every_key_expires_and_has_the_tag() -> None:
    async def run(server: RedisServer) -> None:
        state = RedisState(server.patient, time.time)
        taken = await state.take([Want("sk-\udcff\x00 {x}" * 100, 5, 60.0), *MINUTE])
        assert isinstance(taken, Taken)
        await state.settle(taken, [3, 3])
        await state.turn("t")
        await state.rest("r", 5)
        await state.reserve("m", 1, 5)
        await state.spend("m", 1)
        keys = server.say("KEYS", "*").split("\r\n")[2::2]
        assert len(keys) == 8 and all(key.startswith("{uni-api}:") for key in keys)
        assert all(int(server.say("PTTL", key)[1:]) > 0 for key in keys)
        await state.aclose()

    with RedisServer() as server:
        asyncio.run(run(server))


@needs_redis
def test_turns_rests_and_spendings_are_shared() -> None:
    async def run(url: Secret) -> None:
        one, other = RedisState(url, time.time, refresh=0.05), RedisState(url, time.time, refresh=0.05)
        turns = [await state.turn("t") for state in (one, other, one, other)]
        assert turns == [0, 1, 2, 3]
        await one.rest("r", 30)
        await one.rest("r", 5)
        await until(lambda: other.rests("r") > 25)
        assert one.rests("r") > 25
        await other.wake("r")
        await until(lambda: one.rests("r") == 0)
        await other.rest("r", 3)
        await until(lambda: 0 < one.rests("r") <= 3)
        granted = await asyncio.gather(*(state.reserve("m", 2, 10) for state in (one, other) * 10))
        assert sum(granted) == 5
        await one.spend("m", -3)
        assert await other.spent("m") == 7
        await one.aclose()
        await other.aclose()

    with RedisServer() as server:
        asyncio.run(run(server.patient))


@needs_redis
def test_a_redis_that_is_killed_costs_nothing_but_the_sharing(caplog: pytest.LogCaptureFixture) -> None:
    async def run(server: RedisServer) -> None:
        state = RedisState(server.url, time.time)
        assert await state.reserve("m", 3, 10)
        found: list[Taken | Short] = []

        async def ask() -> None:
            for _ in range(30):
                got = await in_time(state.take(MINUTE))
                assert isinstance(got, Taken | Short)
                found.append(got)
                await asyncio.sleep(0.005)

        async def kill() -> None:
            await asyncio.sleep(0.04)
            server.kill()

        await asyncio.gather(kill(), *(ask() for _ in range(5)))
        assert took(found) == 10, "in one process the limit holds all through"
        assert state.degraded and state.lapses == 1 and state.answered_here > 0
        assert await state.reserve("m", 5, 10) and await state.reserve("m", 5, 10)
        assert not await state.reserve("m", 5, 10), "what was spent before is known"
        assert await state.turn("t") == 0
        await state.rest("r", 60)
        server.start()
        await until(lambda: not state.degraded)
        assert await state.spent("m") == 10, "what was spent meanwhile is added"
        assert isinstance(await state.take(MINUTE), Taken)
        other = RedisState(server.url, time.time)
        await until(lambda: other.rests("r") > 50)  # what was let rest meanwhile is told
        await other.aclose()
        await state.aclose()

    with RedisServer() as server:
        asyncio.run(run(server))
    said = [each.getMessage() for each in caplog.records]
    assert [("is away" in each, "is back" in each) for each in said] == [(True, False), (False, True)]


@needs_redis
def test_it_starts_without_redis_and_joins_when_it_comes() -> None:
    async def run(server: RedisServer) -> None:
        state = RedisState(server.url, time.time)
        assert isinstance(await in_time(state.take(MINUTE)), Taken)
        assert state.degraded
        server.start()
        await until(lambda: not state.degraded)
        await state.aclose()

    server = RedisServer()
    try:
        asyncio.run(run(server))
    finally:
        server.kill()


@needs_redis
def test_a_redis_that_sleeps_costs_one_wait() -> None:
    async def run(server: RedisServer) -> None:
        state = RedisState(server.url, time.time)
        await state.take(MINUTE)
        server.pause()
        begin = time.monotonic()
        found = await asyncio.gather(*(in_time(state.take(MINUTE)) for _ in range(20)))
        for _ in range(200):
            await state.take(MINUTE)
        assert time.monotonic() - begin < 1
        assert len(found) == 20 and state.degraded and state.lapses == 1
        server.go_on()
        await until(lambda: not state.degraded)
        await state.aclose()

    with RedisServer() as server:
        asyncio.run(run(server))


def test_a_host_that_says_nothing_is_away() -> None:
    async def run(port: int) -> None:
        state = RedisState(Secret(f"redis://127.0.0.1:{port}"), time.time)
        assert isinstance(await in_time(state.take(MINUTE)), Taken)
        assert state.degraded
        await in_time(state.aclose())

    with silent_host() as port:
        asyncio.run(run(port))


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"$x\r\n",
        b"*9999999999\r\n",
        b"+OK\r\n" * 20,
        b":1\r\n" * 20,
        b"*1\r\n:1\r\n" * 20,
        b"*2\r\n*1\r\n:5\r\n$-1\r\n" * 20,
        b"",
    ],
)
def test_something_else_than_redis_is_away(answer: bytes) -> None:
    async def run() -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer)
            if answer:
                await reader.read()
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        state = RedisState(Secret(f"redis://127.0.0.1:{port}"), time.time)
        assert isinstance(await in_time(state.take(MINUTE)), Taken)
        assert state.degraded
        await state.aclose()
        server.close()
        await server.wait_closed()

    asyncio.run(run())


@needs_redis
def test_scripts_that_redis_forgot_are_sent_again() -> None:
    async def run(server: RedisServer) -> None:
        state = RedisState(server.patient, time.time)
        for left in (9, 8):
            server.say("SCRIPT", "FLUSH")
            found = await state.take(MINUTE)
            assert isinstance(found, Taken) and found.left == (left,)
        assert state.lapses == 0
        await state.aclose()

    with RedisServer() as server:
        asyncio.run(run(server))


@needs_redis
@pytest.mark.parametrize(
    ("break_it", "mend_it", "word"),
    [
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0"), "maxmemory"),
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE"), "read only replica"),
        (("SET", "{uni-api}:times:60000000:a", "x"), ("DEL", "{uni-api}:times:60000000:a"), "wrong kind of value"),
    ],
)
def test_a_redis_that_refuses_is_away(
    break_it: tuple[str, ...], mend_it: tuple[str, ...], word: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def run(server: RedisServer) -> None:
        state = RedisState(server.url, time.time)
        await state.turn("warm")
        server.say(*break_it)
        assert isinstance(await in_time(state.take(MINUTE)), Taken)
        assert state.lapses == 1
        server.say(*mend_it)
        await until(lambda: not state.degraded)
        await state.aclose()

    with RedisServer() as server:
        asyncio.run(run(server))
    assert word in caplog.records[0].getMessage()


@needs_redis
def test_a_node_of_a_cluster_that_holds_none_of_it_is_away(caplog: pytest.LogCaptureFixture) -> None:
    async def run(server: RedisServer) -> None:
        state = RedisState(server.url, time.time)
        assert isinstance(await in_time(state.take(MINUTE)), Taken)
        assert state.degraded
        await state.aclose()

    with RedisServer("--cluster-enabled", "yes", "--cluster-port", str(free_port())) as server:
        asyncio.run(run(server))
    assert "CLUSTERDOWN" in caplog.text or "MOVED" in caplog.text or "Hash slot" in caplog.text


@needs_redis
def test_a_password_is_used_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    async def run(server: RedisServer) -> None:
        for url, works in (
            (f"redis://:{CANARY}@127.0.0.1:{server.port}/3", True),
            (f"valkey://default:{CANARY}@localhost:{server.port}", True),
            (f"unix://:{CANARY}@{server.socket}?db=2", True),
            (f"redis://:{CANARY}-wrong@127.0.0.1:{server.port}/0", False),
            (f"redis://127.0.0.1:{server.port}", False),
        ):
            state = RedisState(Secret(url), time.time)
            assert isinstance(await in_time(state.take(MINUTE)), Taken)
            assert state.degraded != works
            assert CANARY not in repr(state)
            await state.aclose()

    with RedisServer("--requirepass", CANARY) as server:
        asyncio.run(run(server))
    assert len(caplog.records) == 2
    assert CANARY not in caplog.text


CANARY = "canary-6c1f0b4e"


def test_a_caller_that_leaves_disturbs_nobody() -> None:
    async def run(port: int) -> None:
        state = RedisState(Secret(f"redis://127.0.0.1:{port}"), time.time)
        leaving = asyncio.ensure_future(state.take(MINUTE))
        staying = asyncio.ensure_future(state.take(MINUTE))
        await asyncio.sleep(0)
        leaving.cancel()
        assert isinstance(await in_time(staying), Taken)
        await state.aclose()

    asyncio.run(run(free_port()))


@needs_redis
def test_costs_one_round_trip(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Measured and shown, not judged."""

    async def run(server: RedisServer) -> tuple[float, float]:
        state = RedisState(server.patient, time.time)
        wants = [Want("a", 999_999, 60.0), Want("b", 999_999, 3_600.0)]
        await state.take(wants)
        before = _calls(server)
        begin = time.perf_counter()
        for _ in range(500):
            await state.take(wants)
        alone = (time.perf_counter() - begin) / 500
        assert 500 <= _calls(server) - before <= 510
        begin = time.perf_counter()
        for _ in range(10):
            await asyncio.gather(*(state.take(wants) for _ in range(50)))
        together = (time.perf_counter() - begin) / 500
        await state.aclose()
        return alone, together

    with RedisServer() as server:
        alone, together = asyncio.run(run(server))
    with capsys.disabled():
        print(f"\nshared state: {alone * 1e6:.0f} us alone, {together * 1e6:.0f} us each of fifty together")


def _calls(server: RedisServer) -> int:
    [line] = [each for each in server.say("INFO", "commandstats").split("\r\n") if each.startswith("cmdstat_evalsha:")]
    return int(line.partition("calls=")[2].partition(",")[0])


@needs_redis
def test_tls_is_checked(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")

    async def run(port: int) -> None:
        for query, works in ((f"&ssl_ca_certs={tmp_path}/ca.pem", True), ("", False)):
            url = f"rediss://127.0.0.1:{port}/0?socket_connect_timeout=0.5{query}"
            state = RedisState(Secret(url), time.time)
            assert isinstance(await state.take(MINUTE), Taken)
            assert state.degraded != works
            await state.aclose()

    port = free_port()
    files = ("--tls-cert-file", f"{tmp_path}/cert.pem", "--tls-key-file", f"{tmp_path}/key.pem")
    others = ("--tls-ca-cert-file", f"{tmp_path}/ca.pem", "--tls-auth-clients", "no")
    with RedisServer("--tls-port", str(port), *files, *others):
        asyncio.run(run(port))


@needs_redis
def test_a_settlement_counts_after_redis_went_away() -> None:
    async def run(server: RedisServer) -> None:
        state = RedisState(server.url, time.time)
        taken = await state.take([Want("t", 10, 60.0, 10)])
        assert isinstance(taken, Taken)
        server.kill()
        assert isinstance(await state.take([Want("t", 10, 60.0)]), Short)
        await in_time(state.settle(taken, [4]))
        found = await state.take([Want("t", 10, 60.0)])
        assert isinstance(found, Taken) and found.left == (5,)
        await state.aclose()

    with RedisServer() as server:
        asyncio.run(run(server))


@needs_redis
def test_it_works_on_the_loop_that_serves() -> None:
    async def run(server: RedisServer) -> None:
        state = RedisState(server.url, time.time)
        found = await asyncio.gather(*(state.take(MINUTE) for _ in range(50)))
        assert took(found) == 10
        server.kill()
        assert isinstance(await in_time(state.take(MINUTE)), Short)
        server.start()
        await until(lambda: not state.degraded)
        await state.aclose()

    with RedisServer() as server, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(server))
