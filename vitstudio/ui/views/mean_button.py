"""Says over how long live values are averaged, and offers other times."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from vitstudio.core.smoothing import MEANS_S
from vitstudio.ui.views.controls import MenuButton

HELP = (
    "While pictures move, what stands here is a mean over the last ones, so that it can be read: "
    "one of this time ago counts 37 % of the newest. A picture that stands shows its own values."
)


class MeanButton(MenuButton):
    """A small menu that is there only while pictures move.

    Parameters
    ----------
    of : str
        What is averaged, e.g. "Probabilities".

    Attributes
    ----------
    help : str
        The tooltip that explains it.

    Signals
    -------
    mean_picked(seconds)
        0 for none.
    """

    mean_picked = Signal(float)

    def __init__(self, of: str, parent: QWidget | None = None) -> None:
        super().__init__(f"{of} of live pictures")
        self.setParent(parent)
        self.setProperty("kind", "flat")
        self.help = f"<p>{HELP}</p>"
        self.setToolTip(self.help)
        self.set_choices((f"{mean_s:g}", mean_title(mean_s)) for mean_s in MEANS_S)
        self.picked.connect(lambda key: self.mean_picked.emit(float(key)))
        self.hide()

    def show_mean(self, mean_s: float | None) -> None:
        """Show the time constant; None hides the button, since nothing moves."""
        if mean_s is not None:
            self.set_title(mean_title(mean_s))
            self.choose(f"{mean_s:g}")
        self.setVisible(mean_s is not None)


def mean_title(mean_s: float) -> str:
    """A time constant as shown: "mean over 0.5 s", "no mean"."""
    return f"mean over {mean_s:g} s" if mean_s else "no mean"
