"""The bundled files are where the program looks for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from vitstudio.core import assets
from vitstudio.core.errors import VitStudioError


def test_a_clone_uses_its_top_level_folder() -> None:
    assert assets.assets_dir() == Path(assets.__file__).parents[2] / "assets"


def test_a_wheel_uses_the_folder_inside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "vitstudio" / "core" / "assets.py"
    (tmp_path / "vitstudio" / "_assets" / "images").mkdir(parents=True)
    (tmp_path / "assets" / "images").mkdir(parents=True)
    monkeypatch.setattr(assets, "__file__", str(module))
    assert assets.assets_dir.__wrapped__() == tmp_path / "vitstudio" / "_assets"


def test_without_either_folder_one_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "__file__", str(tmp_path / "vitstudio" / "core" / "assets.py"))
    with pytest.raises(VitStudioError, match="are missing; install it again"):
        assets.assets_dir.__wrapped__()


def test_samples_are_pictures_with_titles() -> None:
    titles = [assets.picture_title(path) for path in assets.sample_pictures()]
    assert {"Astronaut", "Chelsea", "Coffee", "Rocket"} <= set(titles)
    assert titles == sorted(titles)
    assert all(path.is_file() for path in assets.sample_pictures())


def test_class_names_are_in_the_order_of_the_outputs() -> None:
    names = assets.class_names("imagenet1k")
    assert len(names) == 1000
    assert (names[0], names[1]) == ("tench", "goldfish")
    assert assets.class_names("") == ()


def test_an_unknown_list_of_classes_is_named() -> None:
    with pytest.raises(VitStudioError, match="'imagenet0'"):
        assets.class_names("imagenet0")
