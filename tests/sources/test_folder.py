"""Folders are paged through in the order a person expects."""

from __future__ import annotations

from pathlib import Path

import pytest

from vitstudio.core.errors import PictureError
from vitstudio.sources.folder import pictures_in, siblings

ORDER = ["IMG1.JPG", "img2.png", "img10.png", "img10b.webp", "été.tiff"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures, and what must be left out."""
    for name in [*reversed(ORDER), ".hidden.png", "notes.txt", "png"]:
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    return tmp_path


def test_pictures_in_natural_order(folder: Path) -> None:
    assert pictures_in(folder) == tuple(str(folder / name) for name in ORDER)


def test_names_without_and_with_numbers_can_be_compared(tmp_path: Path) -> None:
    names = ["1.png", "1a.png", "2.png", "a.png", "a1.png", "a01.png", "²3.png"]
    for name in names:
        (tmp_path / name).touch()
    found = [Path(path).name for path in pictures_in(tmp_path)]
    assert sorted(found) == sorted(names)
    assert found[:3] == ["1.png", "1a.png", "2.png"]


def test_siblings_contain_the_picture(folder: Path) -> None:
    assert siblings(folder / "img2.png") == pictures_in(folder)
    (folder / "img3").touch()
    with_it = siblings(folder / "img3")
    assert with_it.index(str(folder / "img3")) == 2


def test_siblings_of_a_picture_in_a_vanished_folder(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "a.png"
    assert siblings(path) == (str(path),)


def test_folders_that_hold_nothing_to_show(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="holds no pictures"):
        pictures_in(tmp_path)
    with pytest.raises(PictureError, match="does not exist"):
        pictures_in(tmp_path / "gone")
    (tmp_path / "file").touch()
    with pytest.raises(PictureError, match="is not a folder"):
        pictures_in(tmp_path / "file")


def test_an_unreadable_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)  # simulated: tests may run as root
    with pytest.raises(PictureError, match="Permission denied"):
        pictures_in(tmp_path)
