"""Colours of the program, named by what they mean; window and exports share them."""

from __future__ import annotations

GROUND = "#0b0d10"
PANEL = "#12151a"
RAISED = "#171b21"
LINE = "#252a33"
HOVER = "#1f252e"
TEXT = "#e7e9ee"
MUTED = "#8c95a5"
ACCENT = "#4cc2ff"
ACCENT_GROUND = "#14293a"
GOOD = "#57d9a3"
GOOD_GROUND = "#12302a"
WARNING = "#ffb454"
WARNING_GROUND = "#33270f"
BAD = "#ff6b6b"
