from typing import Any

import pytest

from tests.config.files import CLIENTS, PROVIDERS, plan, problems, provider
from uni_api.config import kinds, values
from uni_api.config.findings import Findings, Place
from uni_api.config.kinds import Kind
from uni_api.config.policy import Limit, Price
from uni_api.config.reader import Reader, Unusable
from uni_api.config.source import Scalar


def read(kind: Kind[Any], text: str, *, plain: bool = True) -> Any:
    return kind.read(Scalar(Place(1, 1), text, plain), "x", Reader(Findings("f"), {}))


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("15/min", (Limit(15, 60),)),
        ("15 / MIN , 10/day", (Limit(15, 60), Limit(10, 86_400))),
        ("1/s,2/h,3/mo,4/y", (Limit(1, 1), Limit(2, 3600), Limit(3, 2_592_000), Limit(4, 31_536_000))),
        ("5000/tpr", (Limit(5000, None),)),
        ("9/tpm,8/TPH,7/tpd", (Limit(9, 60, True), Limit(8, 3600, True), Limit(7, 86_400, True))),
        ("9/min,5/m,7/minute,6/tpm", (Limit(5, 60), Limit(6, 60, True))),
        ("0/hr", (Limit(0, 3600),)),
    ],
)
def test_limits(text: str, limits: tuple[Limit, ...]) -> None:
    assert read(values.limits, text) == limits


@pytest.mark.parametrize("text", ["15", "15/fortnight", "-1/min", "1.5/min", "/min", "15/min,", "15//min", "1/tps"])
def test_bad_limits(text: str) -> None:
    with pytest.raises(Unusable):
        read(values.limits, text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-01", "20261101T000000Z"),
        ("2026-11-01 12:30:00", "20261101T123000Z"),
        ("2026-11-01T00:00:00+08:00", "20261031T160000Z"),
        ("2026-11-01T00:00:00Z", "20261101T000000Z"),
        ("1793491200", "20261101T000000Z"),
    ],
)
def test_moment(text: str, moment: str) -> None:
    assert read(values.moment, text) == moment


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "12", "2026", "99999999999999999999"])
def test_bad_moment(text: str) -> None:
    with pytest.raises(Unusable):
        read(values.moment, text)


def test_price() -> None:
    assert read(values.price, "0.12, 0.48") == Price(0.12, 0.48)


@pytest.mark.parametrize("text", ["1", "1,2,3", "a,b", "-1,2", "true,2"])
def test_bad_price(text: str) -> None:
    with pytest.raises(Unusable):
        read(values.price, text)


@pytest.mark.parametrize(
    "text",
    ["https://a", "http://a:1/x?y=z", "https://[::1]:8080/v1", "HTTPS://A.b"],
)
def test_url_is_kept_as_written(text: str) -> None:
    assert read(values.url, text) == text


@pytest.mark.parametrize(
    "text",
    ["a.example", "ftp://a", "https://", "https:///v1", "https://a:b", "https://a:99999", "https://[a", "https://a b",
     "https://u@a", "https://u:p@a", "https://a/\x7f", "javascript:alert(1)"],
)  # fmt: skip
def test_bad_url(text: str) -> None:
    with pytest.raises(Unusable):
        read(values.url, text)


@pytest.mark.parametrize("text", ["http://h:1", "https://u:p@h:1", "socks5://u:p%40@h:1", "socks5h://h"])
def test_proxy(text: str) -> None:
    found = values.proxy.read(Scalar(Place(1, 1), text, True), "x", Reader(Findings("f"), {}))
    assert found.reveal() == text


@pytest.mark.parametrize(
    "text", ["h:1", "socks4://h:1", "ftp://h", "http://", "http://h:x", "socks5://[u]:[p]@[h]:[1]"]
)
def test_bad_proxy(text: str) -> None:
    [problem] = problems(PROVIDERS + CLIENTS + f"preferences: {{proxy: '{text}'}}")
    assert "preferences.proxy: not a usable proxy; write scheme://user:password@host:port" in problem


@pytest.mark.parametrize("value", ['"a\\nb"', '"a\\rb"', '"a\\0b"', "é", "[a]", ""])
def test_bad_header_text(value: str) -> None:
    [problem] = problems(provider(f"base_url: https://a.b, model: [m], preferences: {{headers: {{x-a: {value}}}}}"))
    assert "providers[0].preferences.headers.x-a: " in problem


def test_bad_header_name() -> None:
    [problem] = problems(provider("base_url: https://a.b, model: [m], preferences: {headers: {'a b': c}}"))
    assert problem.endswith('providers[0].preferences.headers: "a b" can\'t be the name of a header')


def test_headers_that_would_break_the_request_are_left_out() -> None:
    text = "base_url: https://a.b, model: [m], preferences: {headers: {Content-Length: 1, Host: x, x-a: b}}"
    found = plan(provider(text))
    assert found.channels[0].headers == (("x-a", "b"),)
    assert len(found.warnings) == 2


@pytest.mark.parametrize("key", ["two words", "caf\u00e9", '"line\\nbreak"', '"nul\\0"'])
def test_keys_that_no_header_can_carry(key: str) -> None:
    [problem] = problems(provider(f"base_url: https://a.b, model: [m], api: {key}"))
    assert "providers[0].api: a key must be printable ASCII without spaces" in problem


def test_private_key_with_spelled_line_breaks() -> None:
    found = kinds.secret("key").read(Scalar(Place(1, 1), "a\\nb", False), "x", Reader(Findings("f"), {}))
    assert found.reveal() == "a\nb"


@pytest.mark.parametrize(
    ("text", "plain", "value"), [("true", True, True), ("False", True, False), ("false", False, False)]
)
def test_flag(text: str, plain: bool, value: bool) -> None:
    assert read(kinds.flag, text, plain=plain) is value


@pytest.mark.parametrize("text", ["yes", "no", "1", "", "on"])
def test_bad_flag(text: str) -> None:
    with pytest.raises(Unusable):
        read(kinds.flag, text)


@pytest.mark.parametrize("text", [".inf", "nan", "1e999", "-1", "true", "x", ""])
def test_bad_number(text: str) -> None:
    with pytest.raises(Unusable):
        read(kinds.number("a number"), text)
