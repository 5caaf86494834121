"""What is remembered between runs, as typed values in one JSON file."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from vitstudio.core.errors import StateError
from vitstudio.core.state import State

MOST_RECENT = 12
SETTINGS_VERSION = 1
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """One run's memory for the next.

    Attributes
    ----------
    geometry : str
        The window's place and size, base64 of what Qt saves; "" for none.
    columns : tuple of int
        Widths of rail, centre and dock in pixels; () for the default.
    tab : int
        The tab of the right side, from 0.
    recent : tuple of str
        Pictures opened last, the newest first.
    open_folder, export_folder : str
        Where the dialogs begin; "" for the home of the user.
    state : State
    """

    geometry: str = ""
    columns: tuple[int, ...] = ()
    tab: int = 0
    recent: tuple[str, ...] = ()
    open_folder: str = ""
    export_folder: str = ""
    state: State = field(default_factory=State)

    def with_recent(self, source: str) -> Settings:
        """With a picture at the top of the recent ones."""
        others = tuple(path for path in self.recent if path != source)
        return replace(self, recent=(source, *others)[:MOST_RECENT])

    def replace(self, **changes: Any) -> Settings:
        """A copy with some fields changed."""
        return replace(self, **changes)


def default_path(platform: str = sys.platform, environ: Mapping[str, str] | None = None) -> Path:
    """Where settings belong on this system."""
    environ = os.environ if environ is None else environ
    home = Path.home()
    if platform == "win32":
        base = Path(environ.get("APPDATA") or home / "AppData" / "Roaming")
    elif platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    return base / "vitstudio" / "settings.json"


class SettingsStore:
    """Reads and writes the settings at one path; the file is whole at any moment.

    Parameters
    ----------
    path : Path
        The file; its folder is made when first written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Settings:
        """The settings; defaults where there are none. A damaged file is moved aside."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return Settings()
        except (OSError, UnicodeDecodeError) as error:
            return self._give_up(error)
        try:
            return _from_json(text)
        except (ValueError, TypeError, StateError) as error:
            return self._give_up(error)

    def save(self, settings: Settings) -> bool:
        """Write the settings; False where that is not possible, which costs only the memory."""
        data = {"version": SETTINGS_VERSION, **asdict(settings)}
        data["state"] = json.loads(settings.state.to_json())
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=".settings-")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(data, file, ensure_ascii=False, indent=1)
                Path(name).replace(self.path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            log.warning("The settings could not be saved: %s", error)
            return False
        return True

    def _give_up(self, error: Exception) -> Settings:
        log.warning("The settings in %s are damaged and were moved aside: %s", self.path, error)
        with contextlib.suppress(OSError):
            self.path.replace(self.path.with_suffix(".damaged.json"))
        return Settings()


def _from_json(text: str) -> Settings:
    data = json.loads(text)
    if not isinstance(data, dict) or data.pop("version", None) != SETTINGS_VERSION:
        raise ValueError("not a settings file of this version")
    known = {item.name for item in fields(Settings)}
    values: dict[str, Any] = {name: value for name, value in data.items() if name in known}
    if "state" in values:
        values["state"] = State.from_json(json.dumps(values["state"]))
    for name, kind in (("recent", str), ("columns", int)):
        items = values.get(name, [])
        if not isinstance(items, list) or not all(isinstance(item, kind) for item in items):
            raise ValueError(f"{name} is not a list of {kind.__name__}")
        values[name] = tuple(items)
    for name in ("geometry", "open_folder", "export_folder"):
        if not isinstance(values.get(name, ""), str):
            raise ValueError(f"{name} is not text")
    if not isinstance(values.get("tab", 0), int):
        raise ValueError("tab is not a number")
    return Settings(**values)
