"""What this room exports, pinned."""

import subprocess
import sys

import uni_api.transport


def test_the_door() -> None:
    assert uni_api.transport.__all__ == [
        *("Head", "HttpClient", "Limits", "Origin", "Proxy", "Response", "Timeouts", "compile_head"),
    ]


def test_what_few_need_is_not_imported_at_the_start() -> None:
    code = "import uni_api.transport, sys; print([m for m in ('certifi', 'python_socks') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
