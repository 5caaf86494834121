"""Exports of a net of the tabletop world say so, and on photographs what does not apply."""

import json

import pytest

from tests.export.helpers import make_content, make_spec
from vitstudio.export.layout import plan_figure
from vitstudio.export.metadata import metadata

SPEC = make_spec(world="tabletop", abilities=frozenset({"attention", "features", "depth"}))
NOTE = "A net of the tabletop world: its metres do not apply here"


def words_of(content):
    lines = plan_figure(content, (1400, 1000)).lines
    return " ".join(span.text for line in lines for span in line.spans)


def test_the_footer_says_what_the_net_was_trained_on(qapp):
    assert "trained on the tabletop world" in words_of(make_content(spec=SPEC))
    assert "tabletop" not in words_of(make_content())


@pytest.mark.parametrize(
    ("view", "source", "warns"),
    [
        ("depth", "cat.png", True),
        ("depth", "tabletop:seed=3", False),
        ("attention", "cat.png", False),
    ],
)
def test_metres_of_a_photograph_are_warned_of(qapp, view, source, warns):
    content = make_content(spec=SPEC, source=source, view=view)
    layout = plan_figure(content, (1400, 1000))
    assert (layout.chip is not None) == warns
    assert (NOTE in words_of(content)) == warns


def test_the_warning_fits_the_narrowest_figure(qapp):
    layout = plan_figure(make_content(spec=SPEC, view="depth"), (200, 1400))
    assert layout.chip is not None
    assert layout.chip.right() < layout.width


def test_metadata_carry_both(qapp):
    found = json.loads(json.dumps(metadata(make_content(spec=SPEC))))
    assert found["model"]["trained_on"] == "trained on the tabletop world"
    assert found["picture"]["note"].startswith("Trained on the tabletop world: its metres")
    plain = metadata(make_content())
    assert (plain["model"]["trained_on"], plain["picture"]["note"]) == ("", "")
