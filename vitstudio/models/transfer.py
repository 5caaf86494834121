"""One file from one address onto the disk: resumed where it broke off, cancellable, verified.

`huggingface_hub` (2.4) throws a broken transfer away and `torch.hub` cannot resume one, so the
bytes are fetched here, through huggingface_hub's own HTTP client: its certificates, proxies, user
agent and offline switch apply.
"""

from __future__ import annotations

import errno
import hashlib
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path

from vitstudio.core.errors import Cancelled, DownloadError, OfflineError
from vitstudio.core.record import Record

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are here and the bytes in all (None if unknown)."""
CancelCheck = Callable[[], bool]

TIMEOUT_S = 7.0
"""Longest silence of a server; connecting and answering may each take it."""
PAUSES_S = (0.5, 1.0, 2.0)
"""Waits before further tries; any new byte starts the row again."""
_POLL_S = 0.05
_BLOCK_BYTES = 1 << 20

OFFLINE_SWITCH = (
    "Downloads are switched off by HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE: unset it, or drop a "
    "checkpoint file on the window."
)


class Address(Record):
    """What to fetch.

    Attributes
    ----------
    url : str
    name : str
        The file as messages call it.
    size : int or None
        Bytes in all, where known.
    headers : dict of str to str
        Sent with each request (a login token, for instance).
    """

    url: str
    name: str
    size: int | None = None
    headers: dict[str, str] = field(default_factory=dict)


class _BrokenError(Exception):
    """One try failed in a way that another one may mend."""


def network_errors() -> tuple[type[Exception], ...]:
    """Return what huggingface_hub's HTTP client raises when the network fails.

    The client is httpx in some versions and httpx2 in others; the hub's own error always derives
    from the client's base class.
    """
    from huggingface_hub.errors import HfHubHTTPError

    return tuple(base for base in HfHubHTTPError.__bases__ if base is not OSError)


def fetch(address: Address, part: Path, progress: Progress, cancelled: CancelCheck) -> None:
    """Bring a file to `part`, from where an earlier call left it.

    Parameters
    ----------
    part : Path
        Grows as bytes come; stays when this call fails or is cancelled, so the next one resumes.

    Raises
    ------
    Cancelled
        When `cancelled` returned True.
    OfflineError
        When downloads are switched off.
    DownloadError
        When the server refuses or keeps breaking off, or the disk cannot take the file.
    """
    with writing(part.parent), _alone(part):
        _check_space(address, part)
        tries = 0
        while True:
            before = _size(part)
            try:
                _try_once(address, part, progress, cancelled)
                return
            except _BrokenError as error:
                tries = 0 if _size(part) > before else tries + 1
                if tries > len(PAUSES_S):
                    raise DownloadError(
                        f"The download of {address.name} broke off {_how_far(address, part)} "
                        f"({error}): what is here is kept, so try again to go on from there."
                    ) from error
                _pause(PAUSES_S[max(tries - 1, 0)], cancelled)


def verify(path: Path, expected: str, cancelled: CancelCheck) -> bool:
    """Whether a file has the expected hash.

    Parameters
    ----------
    expected : str
        The first hexadecimal digits (or all 64) of the SHA-256; or 40 digits, by which the hub
        names small files: the SHA-1 that git gives them. Anything else passes unchecked.
    """
    digits = expected.lower()
    if not digits or set(digits) - set("0123456789abcdef"):
        return True
    if len(digits) == 40:
        digest = hashlib.sha1(b"blob %d\0" % _size(path), usedforsecurity=False)
    else:
        digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            if cancelled():
                raise Cancelled("The download was stopped; what is here is kept.")
            digest.update(block)
    return digest.hexdigest().startswith(digits)


def _try_once(address: Address, part: Path, progress: Progress, cancelled: CancelCheck) -> None:
    """One request for what is still missing; `_BrokenError` if it should be asked again."""
    from huggingface_hub import get_session
    from huggingface_hub.errors import OfflineModeIsEnabled

    start = _size(part)
    if address.size is not None and start >= address.size:
        if start == address.size:
            progress(start, address.size)
            return
        part.unlink()  # longer than the whole: left by another file under this name
        start = 0
    headers = {**address.headers, "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        with get_session().stream(
            "GET", address.url, headers=headers, timeout=TIMEOUT_S, follow_redirects=True
        ) as response:
            _check_status(response.status_code, address, part)
            if response.status_code != 206:
                start = 0  # the server sends the whole again
            total = _total(address, response.headers, start)
            here = _append(response.iter_bytes(), part, start, total, progress, cancelled)
    except OfflineModeIsEnabled:
        raise OfflineError(OFFLINE_SWITCH) from None
    except network_errors() as error:
        raise _BrokenError(type(error).__name__) from error
    if total is not None and here < total:
        raise _BrokenError("the connection closed early")


def _append(
    blocks: Iterator[bytes],
    part: Path,
    start: int,
    total: int | None,
    progress: Progress,
    cancelled: CancelCheck,
) -> int:
    """Write what comes behind the first `start` bytes; return the bytes that are here then."""
    here = start
    with part.open("r+b" if start else "wb") as file:
        file.truncate(start)
        file.seek(start)
        progress(here, total)
        for block in blocks:
            if cancelled():
                raise Cancelled("The download was stopped; what is here is kept.")
            file.write(block)
            here += len(block)
            progress(here, total)
    return here


def _check_status(status: int, address: Address, part: Path) -> None:
    if status in (200, 206):
        return
    if status == 416:  # the part does not fit the file behind this address
        part.unlink(missing_ok=True)
    if status in (408, 416, 429) or status >= 500:
        raise _BrokenError(f"the server answered {status}")
    raise DownloadError(status_sentence(status, address.name))


def status_sentence(status: int, name: str) -> str:
    """Say what an HTTP status means for this file."""
    if status in (401, 403):
        return (
            f"The server refuses {name} without permission (status {status}): ask for access on "
            "its page and log in with 'hf auth login'."
        )
    if status in (404, 410):
        return f"The server does not have {name} (status {status}): check the model's name."
    return f"The server answered {status} for {name}: try again later."


def _total(address: Address, headers: Mapping[str, str], start: int) -> int | None:
    coming = content_length(headers)
    return address.size or (None if coming is None else start + coming)


def content_length(headers: Mapping[str, str]) -> int | None:
    """Return the bytes that an answer announces, None where it does not."""
    length = headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _check_space(address: Address, part: Path) -> None:
    missing = (address.size or 0) - _size(part)
    free = shutil.disk_usage(part.parent).free
    if missing > free:
        raise DownloadError(
            f"{address.name} needs {_mb(missing)} more but {part.parent} has {_mb(free)} free: "
            "make room there, or set HF_HOME or TORCH_HOME to another disk."
        )


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Make a folder to write in, and turn what the disk refuses into a sentence."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DownloadError(
                f"The disk is full: make room in {folder} and try again; what is here is kept."
            ) from error
        raise DownloadError(
            f"{folder} cannot be written ({error.strerror or error}): set HF_HOME or TORCH_HOME to "
            "a folder that can."
        ) from error


@contextmanager
def _alone(part: Path) -> Iterator[None]:
    """Keep a second VitStudio from appending to the same file."""
    from filelock import FileLock, Timeout

    lock = FileLock(part.with_name(part.name + ".lock"))
    try:
        lock.acquire(timeout=0.2)
    except Timeout:
        raise DownloadError(
            f"Another program is downloading {part.stem} already: wait until it is done."
        ) from None
    try:
        yield
    finally:
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)


def _pause(seconds: float, cancelled: CancelCheck) -> None:
    waiter = threading.Event()
    for _ in range(max(1, round(seconds / _POLL_S))):
        if cancelled():
            raise Cancelled("The download was stopped; what is here is kept.")
        waiter.wait(min(_POLL_S, seconds))


def _how_far(address: Address, part: Path) -> str:
    whole = f" of {_mb(address.size)}" if address.size else ""
    return f"after {_mb(_size(part))}{whole}"


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
