"""The file dialogs; each returns a path, or "" when the user changed their mind."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

PICTURES = (
    "Pictures (*.jpg *.jpeg *.png *.webp *.tif *.tiff *.bmp *.gif *.jfif *.svg);;All files (*)"
)
CHECKPOINTS = "Weights (*.safetensors *.pth *.pt *.bin);;All files (*)"
LABELS = "Text, one label a line (*.txt *.csv);;All files (*)"
EXPORTS = {
    "PNG picture (*.png)": ".png",
    "SVG drawing (*.svg)": ".svg",
    "PDF page (*.pdf)": ".pdf",
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


def ask_export(parent: QWidget, folder: str, name: str) -> str:
    """Where to write the view; the suffix follows the chosen kind of file."""
    start = str(Path(folder or ".") / f"{name}.png")
    path, chosen = QFileDialog.getSaveFileName(
        parent, "Export this view", start, ";;".join(EXPORTS)
    )
    if not path:
        return ""
    if Path(path).suffix.lower() in EXPORTS.values():
        return path
    return path + EXPORTS.get(chosen, ".png")
