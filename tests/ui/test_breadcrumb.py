"""The line above the picture gets shorter in the order of what is missed least."""

import re

from PySide6.QtWidgets import QApplication

from vitstudio.core.state import State
from vitstudio.engine import messages
from vitstudio.state.resolve import ViewState
from vitstudio.ui.views.breadcrumb import Breadcrumb, _wordings


def test_the_breadcrumb_keeps_layer_and_head_as_long_as_it_can():
    parts = ("Net", "layer 10 of 10 (shifted windows)", "mean of 8 heads", "patch row 2 looks at")
    brief = [" › ".join(wording) for wording in _wordings(parts)]
    assert "layer 10 › mean › patch row 2 looks at" in brief
    assert brief[-3:] == ["layer 10 › mean › row 2", "layer 10 › row 2", "row 2"]
    assert _wordings(("Net", "depth"))[-2:] == [("depth",), ("depth",)]


def test_the_breadcrumb_gets_shorter_step_by_step_with_its_badge(qtbot):
    crumb = Breadcrumb()
    qtbot.addWidget(crumb)
    parts = ("Net", "layer 12 of 12", "mean of 6 heads", "patch row 20, column 22 looks at")
    crumb.show_view(ViewState(State(), breadcrumb=parts))
    crumb.show_check(messages.CheckReady(1, 0, 7e-3, 3e-2))
    crumb.show()
    seen = []
    for width in range(900, 316, -4):
        crumb.resize(width, 36)
        shown = re.sub("<[^>]*>|&nbsp;", "", crumb._sentence.text()), crumb.badge
        seen += [shown] if shown not in seen else []
        QApplication.processEvents()
        assert crumb._sentence.sizeHint().width() <= crumb._sentence.width()
    short = "Layer 12›Mean›patch row 20, column 22 looks at"
    assert seen.index((short, "agrees · 7e-3")) + 1 == seen.index((short, "agrees"))
    assert seen[-1] == ("Layer 12›row 20, column 22", "agrees")


def test_a_long_prompt_ends_in_an_ellipsis_in_the_breadcrumb(qtbot):
    crumb = Breadcrumb()
    qtbot.addWidget(crumb)
    parts = ("CLIP", f"what speaks for “{'a cup of coffee on a table ' * 5}”")
    crumb.show_view(ViewState(State(), breadcrumb=parts))
    crumb.resize(400, 36)
    crumb.show()
    assert "what speaks for “a cup" in crumb._sentence.text()
    assert "…" in crumb._sentence.text()
    assert crumb._sentence.sizeHint().width() <= 400
