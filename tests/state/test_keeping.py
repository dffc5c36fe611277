"""The file: written seldom, as a whole, by one process; never a reason to fail."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from uni_api.state.keeping import Keeper, Kept

KEPT = Kept(spent={"a": 1})


def test_many_changes_are_one_writing(tmp_path: Path) -> None:
    asked = 0

    def content() -> Kept:
        nonlocal asked
        asked += 1
        return KEPT

    async def run() -> None:
        keeper = Keeper(tmp_path / "deep" / "folder", content, every=0.02)
        assert not keeper.told
        for _ in range(1_000):
            keeper.changed()
            assert keeper.told
        for _ in range(500):
            if (tmp_path / "deep" / "folder" / "state.json").exists():
                break
            await asyncio.sleep(0.01)
        assert not keeper.told
        await keeper.aclose()

    asyncio.run(run())
    assert asked == 1
    keeper = Keeper(tmp_path / "deep" / "folder", content)
    assert keeper.load() == KEPT
    assert sorted(os.listdir(tmp_path / "deep" / "folder")) == ["state.json", "state.lock"]


def test_a_folder_that_is_none_is_a_warning_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")

    async def run() -> None:
        keeper = Keeper(tmp_path / "file", lambda: KEPT, every=0.01)
        for _ in range(3):
            keeper.changed()
            await asyncio.sleep(0.03)
        keeper.changed()
        await keeper.aclose()

    asyncio.run(run())
    [warning] = caplog.records
    assert warning.levelname == "WARNING" and "can't be kept" in warning.getMessage()


def test_the_first_process_keeps(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        first, second = Keeper(tmp_path, lambda: KEPT), Keeper(tmp_path, lambda: Kept(spent={"a": 2}))
        first._write(KEPT)
        second.changed()
        await second.aclose()
        assert second.load() == KEPT
        await first.aclose()
        second.changed()
        await second.aclose()
        assert second.load().spent == {"a": 2}

    asyncio.run(run())
    assert ["another process" in each.getMessage() for each in caplog.records] == [True]


CHILD = """
import asyncio, sys, time
from pathlib import Path
from uni_api.state import LocalState, Want

async def main():
    state = LocalState(time.time, Path(sys.argv[1]))
    await state.take([Want("a", 2, 86400.0)])
    print("taken", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_a_process_that_is_killed_has_kept_all_but_the_last_seconds(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None and child.stdout.readline() == b"taken\n"
        for _ in range(800):
            if (tmp_path / "state.json").exists():
                break
            time.sleep(0.01)
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()
    [(name, seconds, times, amounts)] = Keeper(tmp_path, lambda: KEPT).load().windows
    assert (name, seconds, len(times), amounts) == ("a", 86_400.0, 1, [1])
