"""Bringing weights onto this computer, against a local server that plays the hub."""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import random
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import huggingface_hub
import huggingface_hub.constants
import pytest
import torch

from tests.models.hub_server import COMMIT, Behaviour, network_allowed, serving
from vitstudio.core.errors import Cancelled, DownloadError, OfflineError
from vitstudio.core.spec import HubFile, UrlFile, WeightsSource
from vitstudio.models import hub, transfer

CONTENT = random.Random(1).randbytes(300_000)
HASH = hashlib.sha256(CONTENT).hexdigest()
REPO = HubFile("somebody/vit_tiny")


@pytest.fixture(autouse=True)
def _own_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    with network_allowed(monkeypatch, tmp_path):
        yield


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Behaviour]:
    with serving(Behaviour(CONTENT)) as behaviour:
        monkeypatch.setenv("HF_ENDPOINT", behaviour.url)
        yield behaviour


@pytest.fixture(params=["hub", "url"])
def source(request: pytest.FixtureRequest, server: Behaviour) -> WeightsSource:
    if request.param == "hub":
        return REPO
    return UrlFile(f"{server.url}/models/vit-{HASH[:8]}.pth", f"vit-{HASH[:8]}.pth", HASH[:8])


def bring(
    source: WeightsSource, cancelled: Callable[[], bool] = lambda: False
) -> tuple[Path, list[tuple[int, int | None]]]:
    """Download, and what was reported meanwhile."""
    reports: list[tuple[int, int | None]] = []
    path = hub.download(source, lambda here, total: reports.append((here, total)), cancelled)
    return path, reports


def part_of(source: WeightsSource) -> Path:
    if isinstance(source, UrlFile):
        return hub.torch_cache_dir() / f"{source.filename}.partial"
    return hub.hub_cache_dir() / "models--somebody--vit_tiny" / "blobs" / f"{HASH}.incomplete"


# ---- it works


def test_download_with_progress(server: Behaviour, source: WeightsSource) -> None:
    assert hub.locate(source) is None
    assert hub.remote_size(source) == len(CONTENT)
    path, reports = bring(source)
    assert path.read_bytes() == CONTENT
    assert hub.locate(source) == path
    assert reports[0] == (0, len(CONTENT))
    assert reports[-1] == (len(CONTENT), len(CONTENT))
    assert all(first <= second for first, second in itertools.pairwise(reports))
    assert not part_of(source).exists()
    assert not list(part_of(source).parent.glob("*.lock"))


def test_second_download_asks_nobody(server: Behaviour, source: WeightsSource) -> None:
    bring(source)
    server.requests.clear()
    path, reports = bring(source)
    assert path.read_bytes() == CONTENT
    assert (server.requests, reports) == ([], [])


def test_small_files_without_redirect(server: Behaviour) -> None:
    server.redirect = False
    content = b"blob %d\0" % len(CONTENT) + CONTENT
    server.stated_hash = hashlib.sha1(content).hexdigest()  # the hub names small files as git does
    path, _ = bring(REPO)
    assert path.read_bytes() == CONTENT


def test_the_library_finds_what_we_brought(server: Behaviour) -> None:
    path, _ = bring(REPO)
    cache = hub.hub_cache_dir()
    found = huggingface_hub.try_to_load_from_cache(REPO.repo_id, REPO.filename, cache_dir=cache)
    assert found == str(path)
    offline = huggingface_hub.hf_hub_download(
        REPO.repo_id, REPO.filename, cache_dir=cache, local_files_only=True
    )
    assert Path(offline).read_bytes() == CONTENT
    assert (cache / "models--somebody--vit_tiny" / "refs" / "main").read_text() == COMMIT
    assert path.is_symlink()


def test_we_find_what_the_library_brought(server: Behaviour) -> None:
    server.redirect = False
    cache = hub.hub_cache_dir()
    theirs = huggingface_hub.hf_hub_download(
        REPO.repo_id, REPO.filename, cache_dir=cache, endpoint=server.url
    )
    assert hub.locate(REPO) == Path(theirs)


def test_the_token_stays_at_the_hub(server: Behaviour) -> None:
    bring(REPO)
    asked_hub, asked_elsewhere = server.asked("GET", "/resolve/"), server.asked("GET", "/cdn")
    assert [headers["authorization"] for headers in asked_hub] == ["Bearer hf_secret"]
    assert len(asked_elsewhere) == 1
    assert "authorization" not in asked_elsewhere[0]


def test_the_token_is_not_sent_against_the_users_will(
    server: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    bring(REPO)
    assert all("authorization" not in headers for headers in server.asked("GET", "/resolve/"))


def test_a_revision_is_a_place_of_its_own(server: Behaviour) -> None:
    bring(HubFile(REPO.repo_id, REPO.filename, revision="v2"))
    assert hub.locate(REPO) is None
    assert hub.locate(HubFile(REPO.repo_id, REPO.filename, revision=COMMIT)) is not None
    assert server.asked("HEAD", "/resolve/v2/")


# ---- it is interrupted


def test_cancel_and_resume(server: Behaviour, source: WeightsSource) -> None:
    server.gate.clear()
    seen = iter(range(100))
    with pytest.raises(Cancelled):
        # The first block passes, then the user has enough; the rest waits at the gate.
        bring(source, lambda: next(seen) >= 1 or bool(server.gate.set()))
    kept = part_of(source).stat().st_size
    assert 0 < kept < len(CONTENT)
    assert hub.locate(source) is None
    server.requests.clear()
    path, reports = bring(source)
    assert path.read_bytes() == CONTENT
    assert reports[0] == (kept, len(CONTENT))
    ranges = [headers.get("range") for verb, _, headers in server.requests if verb == "GET"]
    assert set(ranges) == {f"bytes={kept}-"}


def test_a_dropped_connection_is_taken_up_again(server: Behaviour, source: WeightsSource) -> None:
    server.break_after = [100_000, 50_000]
    path, reports = bring(source)
    assert path.read_bytes() == CONTENT
    where = "/cdn" if isinstance(source, HubFile) else "/models/"
    ranges = [headers.get("range") for headers in server.asked("GET", where)]
    assert ranges == [None, "bytes=100000-", "bytes=150000-"]
    assert reports[-1] == (len(CONTENT), len(CONTENT))


def test_giving_up_keeps_the_part(server: Behaviour, source: WeightsSource) -> None:
    server.break_after = [100_000, 0, 0, 0]
    with pytest.raises(DownloadError, match=r"after 0\.1 MB of 0\.3 MB .*what is here is kept"):
        bring(source)
    assert part_of(source).stat().st_size == 100_000
    server.requests.clear()
    path, reports = bring(source)
    assert path.read_bytes() == CONTENT
    assert reports[0] == (100_000, len(CONTENT))


def test_a_server_without_ranges_sends_the_whole(server: Behaviour, source: WeightsSource) -> None:
    server.ranges = False
    server.break_after = [100_000]
    path, _ = bring(source)
    assert path.read_bytes() == CONTENT


def test_a_part_that_is_too_long_is_thrown_away(source: WeightsSource) -> None:
    part_of(source).parent.mkdir(parents=True)
    part_of(source).write_bytes(bytes(len(CONTENT) + 1))
    path, _ = bring(source)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(
    server: Behaviour, source: WeightsSource, status: int
) -> None:
    server.answers = [status]
    path, _ = bring(source)
    assert path.read_bytes() == CONTENT


def test_a_part_of_another_file_is_thrown_away(server: Behaviour, source: WeightsSource) -> None:
    server.break_after = [100_000, 0, 0, 0]
    with pytest.raises(DownloadError):
        bring(source)
    server.answers = [416]
    path, _ = bring(source)
    assert path.read_bytes() == CONTENT


# ---- it cannot work


def test_wrong_content_is_removed(server: Behaviour, source: WeightsSource) -> None:
    server.content = bytes(len(CONTENT))
    with pytest.raises(DownloadError, match=r"arrived damaged .* was removed"):
        bring(source)
    assert hub.locate(source) is None
    assert not part_of(source).exists()


@pytest.mark.parametrize("ask", [hub.remote_size, bring])
@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (404, "RepoNotFound", "There is no http://.*/somebody/vit_tiny, or it is private"),
        (401, "RepoNotFound", "or it is private.*'hf auth login'"),
        (404, "EntryNotFound", "has no model.safetensors of somebody/vit_tiny"),
        (404, "RevisionNotFound", "check the name and the revision"),
        (401, "GatedRepo", "is gated: accept its terms at .* and log in with 'hf auth login'"),
        (403, "GatedRepo", "is gated"),
        (401, "", "without permission .status 401.: .*'hf auth login'"),
        (403, "", "without permission .status 403."),
        (500, "", "The server answered 500"),
    ],
)
def test_the_hub_refuses(
    server: Behaviour,
    status: int,
    code: str,
    expected: str,
    ask: Callable[[WeightsSource], object],
) -> None:
    server.status, server.error_code = status, code
    with pytest.raises(DownloadError, match=expected) as caught:
        ask(REPO)
    assert not isinstance(caught.value, OfflineError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "expected"), [(404, "does not have vit.pth"), (403, "refuses vit.pth")]
)
def test_the_web_refuses(server: Behaviour, status: int, expected: str) -> None:
    server.status = status
    with pytest.raises(DownloadError, match=expected):
        bring(UrlFile(f"{server.url}/vit.pth", "vit.pth"))


def test_a_refusal_of_the_bytes_is_final(server: Behaviour, source: WeightsSource) -> None:
    server.answers = [403]
    with pytest.raises(DownloadError, match="without permission"):
        bring(source)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("ask", [hub.remote_size, bring])
@pytest.mark.parametrize("kind", ["hub", "url"])
def test_nobody_listens(
    kind: str, ask: Callable[[WeightsSource], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"http://127.0.0.1:{closed_port()}"
    monkeypatch.setenv("HF_ENDPOINT", address)
    source = REPO if kind == "hub" else UrlFile(f"{address}/vit.pth", "vit.pth")
    with pytest.raises(OfflineError) as caught:
        ask(source)
    assert str(caught.value).startswith(f"{address}")
    for advice in ("check the network", "HF_ENDPOINT", "drop a checkpoint file on the window"):
        assert advice in str(caught.value)


def test_a_silent_host_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "TIMEOUT_S", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(OfflineError, match="Timeout"):
            hub.remote_size(REPO)
    assert transfer.TIMEOUT_S * 2 <= 15


def test_a_login_page_is_no_hub(server: Behaviour) -> None:
    server.redirect, server.commit = False, None
    with pytest.raises(OfflineError, match="does not answer like a model hub"):
        bring(REPO)


@pytest.mark.parametrize("switch", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_switch(
    server: Behaviour, source: WeightsSource, switch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(switch, "1")
    with pytest.raises(OfflineError, match="Downloads are switched off"):
        bring(source)
    with pytest.raises(OfflineError, match="Downloads are switched off"):
        hub.remote_size(source)
    assert server.requests == []


def test_offline_switch_of_a_running_library(
    server: Behaviour, source: WeightsSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(OfflineError, match="Downloads are switched off"):
        bring(source)


def test_impossible_names(server: Behaviour) -> None:
    with pytest.raises(DownloadError, match="is not a name that the hub can have"):
        bring(HubFile("no//such--repo/name"))
    assert server.requests == []


# ---- the disk


def test_too_little_space(source: WeightsSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda _: os_usage(free=1000))
    with pytest.raises(DownloadError, match=r"needs 0\.3 MB more but .* has 0\.0 MB free"):
        bring(source)


def os_usage(free: int) -> object:
    return type("Usage", (), {"free": free})()


def test_disk_full_midway(
    server: Behaviour, source: WeightsSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def append(*_arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(transfer, "_append", append)
    with pytest.raises(DownloadError, match="The disk is full: make room in"):
        bring(source)


@pytest.mark.parametrize("variable", ["HF_HOME", "TORCH_HOME"])
def test_unwritable_cache(
    server: Behaviour, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a file").touch()  # where a folder should be: this stops even an administrator
    monkeypatch.setenv(variable, str(tmp_path / "a file"))
    url = UrlFile(f"{server.url}/vit.pth", "vit.pth")
    with pytest.raises(DownloadError, match=rf"cannot be written .*set .*{variable}"):
        bring(REPO if variable == "HF_HOME" else url)


def test_two_at_a_time(server: Behaviour, source: WeightsSource) -> None:
    from filelock import FileLock

    part_of(source).parent.mkdir(parents=True)
    with FileLock(f"{part_of(source)}.lock"), pytest.raises(DownloadError, match="Another program"):
        bring(source)


# ---- where the caches are

ENVIRONMENTS = [
    {},
    {"HF_HOME": "/x/hf", "TORCH_HOME": "/x/torch"},
    {"HF_HOME": "~/hf", "TORCH_HOME": "~/torch"},
    {"HF_HOME": "$HOME/hf"},
    {"HF_HUB_CACHE": "/x/cache", "HF_HOME": "/x/hf"},
    {"HUGGINGFACE_HUB_CACHE": "/x/old"},
    {"XDG_CACHE_HOME": "/x/xdg"},
]
NAMES = {"HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME", "TORCH_HOME"}


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=str)
def test_same_folders_as_the_libraries(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = {name: value for name, value in os.environ.items() if name not in NAMES} | environment
    code = "import huggingface_hub.constants as c; print(c.HF_HUB_CACHE)"  # read at its import
    answer = subprocess.run(
        [sys.executable, "-c", code], env=clean, capture_output=True, text=True, check=True
    )
    assert str(hub.hub_cache_dir(clean)) == answer.stdout.strip()
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert str(hub.torch_cache_dir()) == f"{torch.hub.get_dir()}/checkpoints"


def test_locating_needs_no_library() -> None:
    code = (
        "import sys; from vitstudio.models import hub; from vitstudio.core.spec import *;"
        "hub.locate(HubFile('a/b')); hub.locate(UrlFile('http://a', 'b'));"
        "print({'torch', 'timm', 'huggingface_hub', 'filelock'} & set(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "set()"
