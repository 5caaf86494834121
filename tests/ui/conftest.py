"""Benches that several files of this folder use."""

import pytest

from tests.ui.small_device import Studio


@pytest.fixture
def studio() -> Studio:
    """At rest, on a small device."""
    return Studio()


@pytest.fixture
def playing(studio: Studio) -> Studio:
    """Three pictures of a film have been shown."""
    return studio.plays()
