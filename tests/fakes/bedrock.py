"""A Bedrock that lets in who has signed: recorded answers, after botocore's own signer has agreed to the signature."""

import calendar
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.auth import SigV4Auth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from botocore.credentials import Credentials  # type: ignore[import-untyped]
from typing_extensions import override

from tests.fakes.replay import Delivery, Replay
from tests.fakes.wire import Connection, Received, head

_PROOF = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, "
    r"SignedHeaders=(?P<names>[a-z0-9;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)
_SKEW = 300.0
"""Seconds by which a clock may be wrong, as AWS has it."""


@dataclass(frozen=True)
class Account:
    """Who may call, and where."""

    access_key: str = "AKIDEXAMPLE"
    secret_key: str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    session_token: str | None = None
    region: str = "us-east-1"


def refusal(request: Received, account: Account) -> str | None:
    """What is wrong with the signature of `request`, or None."""
    proof = _PROOF.fullmatch(request.header("authorization") or "")
    if proof is None:
        return "no signature"
    moment = request.header("x-amz-date") or ""
    named = proof["names"].split(";")
    owed = {name for name, _ in request.headers if name.startswith("x-amz-") or name in ("host", "content-type")}
    said = (proof["key"], proof["region"], proof["service"], proof["day"])
    if said != (account.access_key, account.region, "bedrock", moment[:8]):
        return f"signed for {said}"
    if abs(_seconds(moment) - time.time()) > _SKEW:
        return f"signed at {moment}"
    if not owed <= set(named):
        return f"not signed: {owed - set(named)}"
    if request.header("x-amz-security-token") != account.session_token:
        return "another session"
    return None if proof["signature"] == _signature(request, named, moment, account) else "the signature does not match"


def _seconds(moment: str) -> float:
    return calendar.timegm(time.strptime(moment, "%Y%m%dT%H%M%SZ"))


def _signature(request: Received, named: Sequence[str], moment: str, account: Account) -> str:
    asked = AWSRequest(request.method, f"http://{request.header('host')}{request.target}", data=request.body)
    for name, value in request.headers:
        if name in named:
            asked.headers.add_header(name, value)
    asked.context["timestamp"] = moment
    signer = SigV4Auth(Credentials(account.access_key, account.secret_key), "bedrock", account.region)
    text = signer.string_to_sign(asked, signer.canonical_request(asked))
    return str(signer.signature(text, asked))


class SignedReplay(Replay):
    """Serves `records` to requests that `account` has signed; to others 403. `refused` is what was wrong with those."""

    def __init__(
        self, records: Sequence[Mapping[str, Any]], account: Account, delivery: Delivery | None = None
    ) -> None:
        super().__init__(records, delivery)
        self.account = account
        self.refused: list[str] = []

    @override
    async def _answer(self, request: Received, connection: Connection) -> bool:
        wrong = refusal(request, self.account)
        if wrong is None:
            return await super()._answer(request, connection)
        self.refused.append(wrong)
        body = b'{"message":"The request signature we calculated does not match the signature you provided."}'
        fields = (
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("x-amzn-ErrorType", "InvalidSignatureException"),
        )
        await connection.send(head(403, fields) + body)
        return True
