from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.training.tiny import SameBatch, make, tiny_recipe
from vitstudio.training.depths import edge_error, log_error, silog
from vitstudio.training.log import read_log


def test_a_common_factor_costs_less_than_a_spread() -> None:
    truth = torch.rand(2, 8, 8) + 1
    assert float(silog(truth, truth)) == pytest.approx(0, abs=1e-3)
    off = torch.tensor(1.2).log()
    assert float(silog(1.2 * truth, truth)) == pytest.approx(float(off) * 0.15**0.5, rel=1e-3)
    spread = truth * torch.where(torch.rand(2, 8, 8) < 0.5, 1.2, 1 / 1.2)
    assert silog(spread, truth) > 2 * silog(1.2 * truth, truth)


def test_metres_count_a_common_factor_whole() -> None:
    truth = torch.rand(2, 8, 8) + 1
    off = float(torch.tensor(1.2).log())
    assert float(log_error(1.2 * truth, truth)) == pytest.approx(off, rel=1e-4)
    assert float(log_error(truth / 1.2, truth)) == pytest.approx(off, rel=1e-4)


def test_edges_are_steps_of_the_logarithm() -> None:
    truth = torch.ones(1, 4, 4)
    step = truth.clone()
    step[:, :, 2:] = 2.0
    assert float(edge_error(2 * truth, truth)) == 0
    expected = float(torch.tensor(2.0).log()) / 3  # one of three steps across, none down
    assert float(edge_error(step, truth)) == pytest.approx(expected)


def test_a_depth_net_learns_a_batch_that_stays(tmp_path: Path) -> None:
    recipe = tiny_recipe("world_depth_plain")
    trainer = make(tmp_path, 10, SameBatch(), recipe)
    trainer.task.net.eval()
    with torch.no_grad():
        before = trainer.task.validate(trainer.source.batch(0))
    trainer.run()
    trainer.task.net.eval()
    with torch.no_grad():
        after = trainer.task.validate(trainer.source.batch(0))
    assert after < 0.8 * before
    assert {"main", "metres", "edges", "abs_rel"} <= set(read_log(tmp_path)[0])
