"""Settings survive a round trip, damage and a disk that cannot be written."""

import json
import os
from pathlib import Path

import pytest

from vitstudio.core.state import State
from vitstudio.settings import MOST_RECENT, Settings, SettingsStore, default_path

FULL = Settings(
    geometry="AdnQ",
    columns=(210, 900, 330),
    tab=1,
    recent=("/pictures/größe.png", "/b.jpg"),
    open_folder="/pictures",
    export_folder="/out",
    state=State(layer=3, head="max", query=(0.25, 0.5), fixed_range=(0.0, 0.1)),
)


@pytest.fixture
def store(tmp_path):
    return SettingsStore(tmp_path / "deep" / "settings.json")


def test_a_round_trip_keeps_everything(store):
    assert store.save(FULL)
    assert store.load() == FULL
    assert [path.name for path in store.path.parent.iterdir()] == ["settings.json"]


def test_without_a_file_there_are_defaults(store):
    assert store.load() == Settings()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1]",
        '{"version": 99}',
        '{"version": 1, "recent": "x"}',
        '{"version": 1, "columns": ["a"]}',
        '{"version": 1, "tab": "x"}',
        '{"version": 1, "state": {"version": 1, "layer": -4}}',
    ],
)
def test_a_damaged_file_is_moved_aside(store, text):
    store.path.parent.mkdir()
    store.path.write_text(text)
    assert store.load() == Settings()
    assert not store.path.exists()
    assert store.path.with_suffix(".damaged.json").read_text() == text
    assert store.save(FULL)
    assert store.load() == FULL


def test_bytes_that_are_no_text_are_moved_aside(store):
    store.path.parent.mkdir()
    store.path.write_bytes(b"\xff\xfe\x00\x80")
    assert store.load() == Settings()
    assert not store.path.exists()


def test_a_field_of_a_later_version_is_ignored(store):
    store.save(FULL)
    data = json.loads(store.path.read_text())
    store.path.write_text(json.dumps(data | {"later": 1}))
    assert store.load() == FULL


def test_a_failed_write_keeps_the_old_file_whole(store, monkeypatch):
    store.save(FULL)

    def full_disk(*_arguments: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    assert not store.save(Settings())
    monkeypatch.undo()
    assert store.load() == FULL
    assert [path.name for path in store.path.parent.iterdir()] == ["settings.json"]


def test_recent_pictures_are_few_and_unique():
    settings = Settings()
    for number in range(20):
        settings = settings.with_recent(f"/{number}.jpg")
    settings = settings.with_recent("/15.jpg")
    assert len(settings.recent) == MOST_RECENT
    assert settings.recent[:2] == ("/15.jpg", "/19.jpg")
    assert len(set(settings.recent)) == MOST_RECENT


def test_each_system_has_its_place(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    places = {
        default_path("linux", {}): "/home/ada/.config",
        default_path("linux", {"XDG_CONFIG_HOME": "/x"}): "/x",
        default_path("darwin", {}): "/home/ada/Library/Application Support",
        default_path("win32", {"APPDATA": "/roaming"}): "/roaming",
    }
    for path, base in places.items():
        assert path == Path(base) / "vitstudio" / "settings.json"
    assert os.fspath(default_path()) != ""
