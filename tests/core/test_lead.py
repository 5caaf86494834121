from __future__ import annotations

import pytest

from vitstudio.core.lead import FORGET, READY, Lead


def test_the_longest_time_counts_and_is_forgotten_by_and_by() -> None:
    lead = Lead()
    assert lead.seconds == 0.0
    lead.took(0.01)
    lead.took(0.1)
    assert lead.seconds == pytest.approx(READY * 0.1)
    for count in range(1, 4):
        lead.took(0.01)
        assert lead.seconds == pytest.approx(READY * 0.1 * FORGET**count)
    for _ in range(60):
        lead.took(0.01)
    assert lead.seconds == pytest.approx(READY * 0.01)
