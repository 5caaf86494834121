"""A small server that plays the Hugging Face Hub and a plain web server, with faults on request."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub
import huggingface_hub.constants
import pytest

from vitstudio.models import transfer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
BLOCK_BYTES = 16_384


@dataclass
class Behaviour:
    """What the server holds and how it misbehaves; `requests` is what it was asked.

    Attributes
    ----------
    content : bytes
        The one file; `stated_hash` is what the hub says of it.
    break_after : list of int
        Each answer takes one: bytes after which the connection is dropped.
    answers : list of int
        Each request for the file's bytes takes one as its status, before it is served well.
    gate : Event
        Bytes behind the first block wait for it.
    """

    content: bytes
    stated_hash: str = ""
    status: int = 200
    error_code: str = ""
    ranges: bool = True
    redirect: bool = True
    commit: str | None = COMMIT
    break_after: list[int] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self.stated_hash = self.stated_hash or hashlib.sha256(self.content).hexdigest()
        self.gate.set()

    def asked(self, method: str, path: str) -> list[dict[str, str]]:
        """Headers of the requests with that method whose path holds `path`."""
        return [head for verb, where, head in self.requests if verb == method and path in where]


class Handler(BaseHTTPRequestHandler):
    """Answers /ORG/NAME/resolve/REVISION/FILE as the hub does, all else with the file."""

    protocol_version = "HTTP/1.1"
    behaviour: Behaviour

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, *_arguments: object) -> None:
        """Stay quiet."""

    def _answer(self, *, body: bool) -> None:
        behaviour = self.behaviour
        headers = {name.lower(): value for name, value in self.headers.items()}
        behaviour.requests.append((self.command, self.path, headers))
        if behaviour.status != 200:
            self._refuse(behaviour.status)
        elif "/resolve/" in self.path and behaviour.redirect:
            self.send_response(302)  # large files lie on another host
            self.send_header("Location", f"{behaviour.url.replace('127.0.0.1', 'localhost')}/cdn")
            self._hub_headers()
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._send_file(body=body)

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        if self.behaviour.error_code:
            self.send_header("X-Error-Code", self.behaviour.error_code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _hub_headers(self) -> None:
        if self.behaviour.commit:
            self.send_header("X-Repo-Commit", self.behaviour.commit)
        self.send_header("X-Linked-Etag", f'"{self.behaviour.stated_hash}"')
        self.send_header("X-Linked-Size", str(len(self.behaviour.content)))

    def _send_file(self, *, body: bool) -> None:
        behaviour, start = self.behaviour, 0
        if body and behaviour.answers:
            self._refuse(behaviour.answers.pop(0))
            return
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted and behaviour.ranges:
            start = int(wanted[1])
            self.send_response(206)
            total = len(behaviour.content)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        else:
            self.send_response(200)
        if "/resolve/" in self.path:
            self._hub_headers()
        content = behaviour.content[start:]
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if not body:
            return
        if behaviour.break_after:
            content = content[: behaviour.break_after.pop(0)]
            self.close_connection = True
        for begin in range(0, len(content), BLOCK_BYTES):
            if begin and not behaviour.gate.wait(10):
                return
            try:
                self.wfile.write(content[begin : begin + BLOCK_BYTES])
            except OSError:  # the client cancelled
                self.close_connection = True
                return


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[Behaviour]:
    """Run a server on a free port of this computer; `behaviour.url` says where."""
    handler = type("BoundHandler", (Handler,), {"behaviour": behaviour})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    behaviour.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield behaviour
    finally:
        behaviour.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def network_allowed(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[None]:
    """Empty caches in a folder, the network allowed, a token of its own, no long waits."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_HOME", str(folder / "hf"))
    monkeypatch.setenv("TORCH_HOME", str(folder / "torch"))
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(transfer, "PAUSES_S", (0.0, 0.0))
    yield
    huggingface_hub.close_session()
