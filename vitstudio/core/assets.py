"""Where the files that come with the program are: sample pictures, class names, bundled weights."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from vitstudio.core.errors import VitStudioError
from vitstudio.core.formats import has_picture_suffix


@cache
def assets_dir() -> Path:
    """Folder of the bundled files.

    An installed wheel carries them inside the package (`vitstudio/_assets`); a clone, and so an
    editable install, has them at its top level (`assets`).

    Raises
    ------
    VitStudioError
        If neither folder exists.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "_assets", package.parent / "assets"):
        if (folder / "images").is_dir():
            return folder
    raise VitStudioError(
        "The files that come with VitStudio (sample pictures, class names, weights) are missing; "
        "install it again, or clone the whole repository."
    )


def sample_pictures() -> tuple[Path, ...]:
    """Bundled photos, sorted by name.

    Raises
    ------
    VitStudioError
        If the bundled files are missing.
    """
    folder = assets_dir() / "images"
    return tuple(sorted(path for path in folder.iterdir() if has_picture_suffix(path.name)))


def picture_title(path: Path) -> str:
    """Name of a sample as shown: "coffee.png" -> "Coffee"."""
    return path.stem.replace("_", " ").capitalize()


@cache
def class_names(list_name: str) -> tuple[str, ...]:
    """Class names of a bundled list in the order of the net's outputs; () for "" (no classes).

    Parameters
    ----------
    list_name : str
        File name in `assets/labels` without its suffix, e.g. "imagenet1k".

    Raises
    ------
    VitStudioError
        If there is no such list.
    """
    if not list_name:
        return ()
    path = assets_dir() / "labels" / f"{list_name}.txt"
    try:
        return tuple(path.read_text(encoding="utf-8").splitlines())
    except OSError:
        raise VitStudioError(
            f"There is no list of class names '{list_name}' among the bundled files."
        ) from None
