"""Weights on this computer and how they get there: the libraries' own caches, nothing beside them.

`locate` answers for hundreds of models at once, so it knows the layout of both caches and imports
neither huggingface_hub nor torch (0.2 s and 2 s).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from vitstudio.core.errors import DownloadError, OfflineError
from vitstudio.core.spec import HubFile, UrlFile, WeightsSource
from vitstudio.models.transfer import (
    OFFLINE_SWITCH,
    TIMEOUT_S,
    Address,
    CancelCheck,
    Progress,
    content_length,
    fetch,
    network_errors,
    status_sentence,
    verify,
    writing,
)

__all__ = [
    "Progress",
    "download",
    "hub_cache_dir",
    "locate",
    "located",
    "remote_size",
    "torch_cache_dir",
]

_TRUE = {"1", "ON", "YES", "TRUE"}
_COMMIT = re.compile(r"[0-9a-f]{40}")


# ---- the two caches


def hub_cache_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of huggingface_hub's cache, by the rules of its constants module."""
    names = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME")
    return _hub_cache_dir(*(environment.get(name, "") for name in names), environment.get("HOME"))


def torch_cache_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder where torch.hub keeps checkpoints."""
    home = environment.get("TORCH_HOME")
    home = home or str(Path(environment.get("XDG_CACHE_HOME") or "~/.cache") / "torch")
    return Path(home).expanduser() / "hub" / "checkpoints"


@cache
def _hub_cache_dir(folder: str, old: str, home: str, caches: str, _user: str | None) -> Path:
    """Return the folder for these values; remembered, since a listing asks hundreds of times."""
    home = home or str(Path(caches or "~/.cache") / "huggingface")
    path = folder or old or str(Path(home) / "hub")
    return Path(os.path.expandvars(Path(path).expanduser()))


def locate(source: WeightsSource) -> Path | None:
    """Return the file if it is on this computer, else None; never asks the network."""
    if isinstance(source, UrlFile):
        path = torch_cache_dir() / source.filename
        return path if path.is_file() else None
    repository = _Repository(source)
    return repository.pointer() if repository.folder.is_dir() else None


def located(sources: Iterable[WeightsSource | None]) -> list[bool]:
    """Return which of many files are on this computer; both caches are listed only once."""
    folders, files = _names(hub_cache_dir()), _names(torch_cache_dir())
    found = []
    for source in sources:
        if isinstance(source, HubFile):
            known = _folder_name(source.repo_id) in folders
        else:
            known = source is not None and source.filename in files
        found.append(known and source is not None and locate(source) is not None)
    return found


def _names(folder: Path) -> set[str]:
    try:
        return {path.name for path in folder.iterdir()}
    except OSError:
        return set()


def _folder_name(repo_id: str) -> str:
    return "models--" + repo_id.replace("/", "--")


class _Repository:
    """One model repository in huggingface_hub's cache: blobs, and links to them by commit."""

    def __init__(self, source: HubFile) -> None:
        self.source = source
        self.folder = hub_cache_dir() / _folder_name(source.repo_id)
        self.revision = source.revision or "main"

    def blob(self, etag: str) -> Path:
        """Return where the content of that etag lies or would lie."""
        return self.folder / "blobs" / etag

    def pointer(self) -> Path | None:
        """Return the file of the last commit that is known of the revision, if it is here."""
        try:
            commit = (self.folder / "refs" / self.revision).read_text().strip()
        except OSError:
            commit = self.revision  # it may be a commit itself
        path = self.folder / "snapshots" / commit / self.source.filename
        return path if path.is_file() else None

    def link(self, blob: Path, commit: str) -> Path:
        """Make the blob known as this commit's file, as huggingface_hub does."""
        path = self.folder / "snapshots" / commit / self.source.filename
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        try:
            path.symlink_to(os.path.relpath(blob, path.parent))
        except OSError:  # Windows without the right to make links: the file itself goes there
            blob.replace(path)
        if self.revision != commit:
            reference = self.folder / "refs" / self.revision
            reference.parent.mkdir(parents=True, exist_ok=True)
            reference.write_text(commit)
        return path


# ---- the network


def remote_size(source: WeightsSource) -> int:
    """Return the bytes of the file at its origin; 0 where the server does not say.

    Raises
    ------
    OfflineError
        When the server cannot be reached, or downloads are switched off.
    DownloadError
        When the server does not give this file to this user.
    """
    if isinstance(source, HubFile):
        return _ask_hub(source)[0].size or 0
    return _ask_server(source).size or 0


def download(source: WeightsSource, progress: Progress, cancelled: CancelCheck) -> Path:
    """Return the file, after bringing it into its library's cache if it was not there.

    Parameters
    ----------
    progress : callable (bytes here, bytes in all or None)
    cancelled : callable
        Asked between blocks of data; True stops. What came stays for the next call.

    Raises
    ------
    Cancelled
    OfflineError
        When the server cannot be reached, or downloads are switched off.
    DownloadError
        Anything else, in one sentence.
    """
    if here := locate(source):
        return here
    if isinstance(source, UrlFile):
        address = _ask_server(source)
        target = torch_cache_dir() / source.filename
        _fetch_verified(address, target, ".partial", source.hash_prefix, progress, cancelled)
        return target
    address, etag, commit = _ask_hub(source)
    repository = _Repository(source)
    blob = repository.blob(etag)
    if not blob.is_file():
        _fetch_verified(address, blob, ".incomplete", etag, progress, cancelled)
    with writing(repository.folder):
        return repository.link(blob, commit)


def _fetch_verified(
    address: Address,
    target: Path,
    suffix: str,
    expected: str,
    progress: Progress,
    cancelled: CancelCheck,
) -> None:
    """Fetch beside the target; it takes its name only when whole and with the right hash."""
    part = target.with_name(target.name + suffix)
    fetch(address, part, progress, cancelled)
    with writing(target.parent):
        if verify(part, expected, cancelled):
            part.replace(target)
            return
        part.unlink()
    raise DownloadError(
        f"{address.name} arrived damaged (its SHA-256 is not the published one) and was removed: "
        "try again, and check the mirror if there is one in HF_ENDPOINT."
    )


def _ask_hub(source: HubFile) -> tuple[Address, str, str]:
    """Return where the hub keeps a file, its etag (the SHA-256 of large files) and its commit."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"
    name = f"{source.filename} of {source.repo_id}"
    with _sentences(name, endpoint, f"{endpoint}/{source.repo_id}"):
        url = hf_hub_url(
            source.repo_id, source.filename, revision=source.revision, endpoint=endpoint
        )
        answer = get_hf_file_metadata(url, timeout=TIMEOUT_S, endpoint=endpoint)
        etag, commit = answer.etag or "", answer.commit_hash or ""
        # Both become file names; a login page of a hotel network has neither.
        if not re.fullmatch(r"[\w.-]+", etag) or not _COMMIT.fullmatch(commit):
            raise OfflineError(
                f"{endpoint} does not answer like a model hub: check the network (is there a login "
                "page?) and HF_ENDPOINT, or drop a checkpoint file on the window."
            )
        # The address of the commit, not of where it led: such addresses expire while one pauses.
        url = hf_hub_url(source.repo_id, source.filename, revision=commit, endpoint=endpoint)
        return Address(url, name, answer.size, _login()), etag, commit


def _login() -> dict[str, str]:
    """Return the header that carries the user's token, as huggingface_hub would send it."""
    from huggingface_hub import get_token

    if os.environ.get("HF_HUB_DISABLE_IMPLICIT_TOKEN", "").upper() in _TRUE:
        return {}
    token = get_token()
    return {"Authorization": f"Bearer {token}"} if token else {}


def _ask_server(source: UrlFile) -> Address:
    """Return the address with the size that the server states."""
    from huggingface_hub import get_session

    with _sentences(source.filename, source.url, source.url):
        answer = get_session().head(
            source.url,
            headers={"Accept-Encoding": "identity"},
            timeout=TIMEOUT_S,
            follow_redirects=True,
        )
    if answer.status_code >= 400 and answer.status_code != 405:
        raise DownloadError(status_sentence(answer.status_code, source.filename))
    size = content_length(answer.headers) if answer.status_code == 200 else None
    return Address(source.url, source.filename, size)


@contextmanager
def _sentences(name: str, host: str, page: str) -> Iterator[None]:
    """Turn what the hub's client raises into our errors, one sentence each."""
    from huggingface_hub import errors

    if any(
        os.environ.get(switch, "").upper() in _TRUE
        for switch in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    ):
        raise OfflineError(OFFLINE_SWITCH)
    try:
        yield
    except errors.OfflineModeIsEnabled:
        raise OfflineError(OFFLINE_SWITCH) from None
    except errors.GatedRepoError as error:
        raise DownloadError(
            f"{name} is gated: accept its terms at {page} and log in with 'hf auth login'."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise DownloadError(
            f"There is no {page}, or it is private: check the name, or log in with 'hf auth login'."
        ) from error
    except (errors.EntryNotFoundError, errors.RevisionNotFoundError) as error:
        raise DownloadError(f"{page} has no {name}: check the name and the revision.") from error
    except errors.HfHubHTTPError as error:
        raise DownloadError(status_sentence(error.response.status_code, name)) from error
    except errors.HFValidationError as error:
        raise DownloadError(f"{name} is not a name that the hub can have.") from error
    except network_errors() as error:
        raise OfflineError(
            f"{host} cannot be reached ({type(error).__name__}): check the network, set "
            "HF_ENDPOINT to a mirror, or drop a checkpoint file on the window."
        ) from error
