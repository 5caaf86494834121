from __future__ import annotations

import torch

from vitstudio.training.beside import PRESENT, STANDING, BesideHead, beside_labels
from vitstudio.world.relations import relation_holds
from vitstudio.world.scene import sample_scene


def said(row: torch.Tensor) -> set[object]:
    return {(*PRESENT, *STANDING)[place] for place in row.nonzero().flatten().tolist()}


def test_labels_are_what_stands_beside_the_main_solid() -> None:
    scenes = [sample_scene(seed, count=1 + seed % 4) for seed in range(24)]
    found = beside_labels(scenes)
    assert found.shape == (24, len(PRESENT) + len(STANDING))
    assert not found[::4].any()  # nothing stands beside a single one
    relations = 0
    for scene, row in zip(scenes, found, strict=True):
        others = scene.solids[1:]
        words = {word for each in others for word in (each.shape, each.texture, each.colour)}
        standing = {
            (relation, each.shape)
            for each in others
            for relation in ("left of", "right of", "in front of", "behind")
            if relation_holds(scene, relation, scene.main, each)
        }
        assert said(row) == words | standing
        relations += len(standing)
    assert relations > 10


def test_head_tells_two_scenes_apart() -> None:
    torch.manual_seed(0)
    scenes = [sample_scene(seed, count=3) for seed in (1, 2)]
    head = BesideHead(16)
    seen = torch.nn.functional.normalize(torch.randn(2, 16), dim=-1)
    begin = float(head.loss(seen, scenes).detach())
    optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        head.loss(seen, scenes).backward()
        optimizer.step()
    assert float(head.loss(seen, scenes).detach()) < 0.1 * begin
    assert torch.equal(head(seen) > 0, beside_labels(scenes) > 0)
