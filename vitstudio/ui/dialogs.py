"""The file dialogs; each returns a path, or "" when the user changed their mind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from vitstudio.core.formats import PICTURE_SUFFIXES, VIDEO_SUFFIXES

OPENED = (*PICTURE_SUFFIXES, ".svg")
"""An SVG is no picture, but one of this program's exports opens with the state that it shows."""
PICTURES = f"Pictures ({' '.join(f'*{suffix}' for suffix in OPENED)});;All files (*)"
VIDEOS = f"Videos ({' '.join(f'*{suffix}' for suffix in VIDEO_SUFFIXES)});;All files (*)"
CHECKPOINTS = "Weights (*.safetensors *.pth *.pt *.bin);;All files (*)"
LABELS = "Text, one label a line (*.txt *.csv);;All files (*)"
EXPORTS = {
    "PNG picture (*.png)": ".png",
    "SVG drawing (*.svg)": ".svg",
    "PDF page (*.pdf)": ".pdf",
    "Arrays for NumPy (*.npz)": ".npz",
}
TAKES = {
    "MP4 film (*.mp4)": ".mp4",
    "Animated GIF (*.gif)": ".gif",
    "Arrays for NumPy (*.npz)": ".npz",
}


def ask_picture(parent: QWidget, folder: str) -> str:
    """A picture file to open."""
    return QFileDialog.getOpenFileName(parent, "Open a picture", folder, PICTURES)[0]


def ask_folder(parent: QWidget, folder: str) -> str:
    """A folder of pictures to open."""
    return QFileDialog.getExistingDirectory(parent, "Open a folder of pictures", folder)


def ask_checkpoint(parent: QWidget, folder: str) -> str:
    """A weights file to load."""
    return QFileDialog.getOpenFileName(parent, "Open a checkpoint", folder, CHECKPOINTS)[0]


def ask_labels(parent: QWidget, folder: str) -> str:
    """A text file with labels."""
    return QFileDialog.getOpenFileName(parent, "Open a list of labels", folder, LABELS)[0]


def ask_video(parent: QWidget, folder: str) -> str:
    """A video file to play."""
    return QFileDialog.getOpenFileName(parent, "Open a video", folder, VIDEOS)[0]


def ask_export(parent: QWidget, folder: str, name: str) -> str:
    """Where to write the view; the suffix follows the chosen kind of file."""
    return _ask_where(parent, "Export this view", folder, name, EXPORTS)


def ask_take(parent: QWidget, folder: str, name: str) -> str:
    """Where to write the last seconds of a live source; the suffix follows the kind of file."""
    return _ask_where(parent, "Save the take", folder, name, TAKES)


def _ask_where(
    parent: QWidget, title: str, folder: str, name: str, kinds: Mapping[str, str]
) -> str:
    usual = next(iter(kinds.values()))
    start = str(Path(folder or ".") / f"{name}{usual}")
    path, chosen = QFileDialog.getSaveFileName(parent, title, start, ";;".join(kinds))
    if not path or Path(path).suffix.lower() in kinds.values():
        return path
    path += kinds.get(chosen, usual)
    # The dialog asked about the name as it was typed; a file of this one it knows nothing of.
    return path if not Path(path).exists() or _may_replace(parent, title, path) else ""


def _may_replace(parent: QWidget, title: str, path: str) -> bool:
    buttons = QMessageBox.StandardButton
    text = f"{Path(path).name} already exists.\nDo you want to replace it?"
    asked = QMessageBox.warning(parent, title, text, buttons.Yes | buttons.No, buttons.No)
    return asked == buttons.Yes
