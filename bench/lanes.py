"""What is compared: the configuration of both relays, and the requests that are sent through them."""

import json
from pathlib import Path

from msgspec import Struct

KEY = "sk-bench-client"
"""The key of the load: it may use four models of nine, over several rules."""


class Lane(Struct, frozen=True):
    """One kind of request. `dialect` is what the upstream speaks; `paced` streams come from the paced mock."""

    name: str
    model: str
    stream: bool
    dialect: str = "openai_chat"
    paced: bool = False

    def body(self) -> str:
        """The request: a short chat, as most are, written as the SDKs write it."""
        value = {
            "model": self.model,
            "messages": [
                {"role": "system", "content": "You are a careful engineer. Answer in one sentence."},
                {"role": "user", "content": "What should a relay between a client and a model be judged by?"},
            ],
            "temperature": 0.7,
            "max_tokens": 200,
        }
        if self.stream:
            value["stream"] = True
        return json.dumps(value, separators=(",", ":"))


JSON = Lane("json", "quick", stream=False)
SSE = Lane("sse", "quick", stream=True)
PACED = Lane("paced", "paced", stream=True, paced=True)
TO_ANTHROPIC = Lane("anthropic", "paced-anthropic", stream=True, dialect="anthropic", paced=True)
TO_GEMINI = Lane("gemini", "paced-gemini", stream=True, dialect="gemini", paced=True)


class Ports(Struct, frozen=True, kw_only=True):
    """`quick` and `paced` are the two mocks; nginx listens on one port for each of them."""

    quick: int
    paced: int
    gateway: int
    nginx_quick: int
    nginx_paced: int

    def of(self, relay: str, lane: Lane) -> int:
        if relay == "gateway":
            return self.gateway
        return self.nginx_paced if lane.paced else self.nginx_quick


def write_api_yaml(path: Path, ports: Ports) -> None:
    """Authentication, permissions and key rotation are all in use: six channels, eleven keys, four client keys."""
    quick, paced = f"http://127.0.0.1:{ports.quick}", f"http://127.0.0.1:{ports.paced}"
    path.write_text(
        f"""\
providers:
  - provider: first
    base_url: {quick}/v1/chat/completions
    api: [sk-first-1, sk-first-2, sk-first-3]
    model: [bench-2026-01-01: quick, large, small]
  - provider: second
    base_url: {quick}/v1/chat/completions
    api: [sk-second-1, sk-second-2]
    model: [bench-2026-01-01: quick, large]
  - provider: steady
    base_url: {paced}/v1/chat/completions
    api: [sk-steady-1, sk-steady-2]
    model: [bench-2026-01-01: paced]
  - provider: messages
    engine: claude
    base_url: {paced}/v1/messages
    api: [sk-messages-1, sk-messages-2]
    model: [bench-2026-01-01: paced-anthropic]
  - provider: contents
    engine: gemini
    base_url: {paced}/v1beta
    api: sk-contents-1
    model: [bench-2026-01-01: paced-gemini]
  - provider: other
    base_url: {quick}/v1/chat/completions
    api: sk-other-1
    model: [other-1, other-2]

api_keys:
  - api: sk-bench-everything
    model: [all]
  - api: {KEY}
    model: [first/quick, second/quick, steady/*, messages/paced-anthropic, contents/*]
  - api: sk-bench-other
    model: [other/*]
  - api: sk-bench-small
    model: [small]
"""
    )


def write_nginx_conf(path: Path, ports: Ports) -> None:
    """A plain reverse proxy: keep-alive to the upstream, no buffering of responses, no log."""
    folder = path.parent
    places = "\n".join(
        f"  {what}_temp_path {folder}/{what};" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    sides = "\n".join(
        f"  upstream {name} {{ server 127.0.0.1:{mock}; keepalive 512; keepalive_requests 100000000; }}\n"
        f"  server {{ listen 127.0.0.1:{door}; location / {{ proxy_pass http://{name}; }} }}"
        for name, mock, door in (
            ("quick", ports.quick, ports.nginx_quick),
            ("paced", ports.paced, ports.nginx_paced),
        )
    )
    path.write_text(
        f"""\
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 100000000;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_buffering off;
{places}
{sides}
}}
"""
    )
