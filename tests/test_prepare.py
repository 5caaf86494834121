"""Slow imports are the engine's, and a module that is missing is no failure."""

import sys

from vitstudio.engine import messages
from vitstudio.handlers import FileHandlers


def test_a_module_is_imported_and_a_missing_one_is_answered_too():
    prepare = FileHandlers().table()[messages.Prepare]
    for name in ("colorsys", "vitstudio.nothing_like_this"):
        assert list(prepare(messages.Prepare(name))) == [messages.Prepared(name)]
    assert "colorsys" in sys.modules
