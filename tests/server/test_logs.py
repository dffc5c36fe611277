import logging

from uni_api.server.logs import HIDDEN, RedactingFormatter

SECRET = "sk-canary-0123456789"


def record(message: str, *args: object, exc: BaseException | None = None) -> logging.LogRecord:
    info = (type(exc), exc, exc.__traceback__) if exc is not None else None
    return logging.LogRecord("uni_api.test", logging.WARNING, __file__, 1, message, args, info)


def test_a_secret_is_taken_out_wherever_it_stands() -> None:
    formatter = RedactingFormatter({SECRET, "http://user:pass@proxy:1"})
    for text in (
        SECRET,
        f"key={SECRET}&x",
        f'"{SECRET}"',
        f"Bearer {SECRET}.",
        f"https://h/{SECRET}?a",
        "via http://user:pass@proxy:1",
    ):
        line = formatter.format(record("%s", text.rstrip(".")))
        assert HIDDEN in line
        assert SECRET not in line
        assert "pass" not in line


def test_a_traceback_is_scrubbed_too() -> None:
    formatter = RedactingFormatter({SECRET})
    try:
        raise ValueError(f"refused {SECRET}")
    except ValueError as error:
        line = formatter.format(record("failed", exc=error))
    assert SECRET not in line
    assert "ValueError" in line


def test_a_hundred_thousand_secrets_cost_no_time_a_line() -> None:
    formatter = RedactingFormatter({f"sk-{number:06}" for number in range(100_000)})
    assert formatter.scrub("a sk-099999 b") == f"a {HIDDEN} b"
    assert repr(formatter) == "<RedactingFormatter 100000 secrets>"


def test_of_several_processes_each_line_tells_which() -> None:
    one = record("said")
    assert RedactingFormatter(set(), several=True).format(one).endswith(f" uni_api.test[{one.process}]: said")
    assert RedactingFormatter(set()).format(one).endswith(" uni_api.test: said")
