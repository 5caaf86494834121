from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from vitstudio.core.errors import PictureError
from vitstudio.training import cache as caches
from vitstudio.training.cache import Cache, CacheFacts, render_cache
from vitstudio.training.pictures import FIRST_HELD_OUT_SEED, draw
from vitstudio.training.sources import CachedSource, RenderedOrder, RenderedSource
from vitstudio.world.scene import sample_scene

FACTS = CacheFacts(size=32)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(caches, "SHARD", 8)
    monkeypatch.setattr(caches, "STEP", 3)
    render_cache(tmp_path / "cache", 10, FACTS)
    return tmp_path / "cache"


def test_what_is_read_is_what_was_rendered(folder: Path) -> None:
    cache = Cache(folder)
    assert len(cache) == 16  # whole shards
    read = cache.read([11, 2, 4])
    for place, index in enumerate((11, 2, 4)):
        fresh = draw([sample_scene(index)], 32, samples=FACTS.samples(index))
        assert torch.equal(read.image[place], fresh.image[0])
        assert torch.equal(read.parts[place], fresh.parts[0])
        assert torch.allclose(read.depth[place], fresh.depth[0], rtol=1e-3)
        assert read.scenes[place] == fresh.scenes[0]


def test_rendering_goes_on_with_the_first_shard_that_is_missing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    whole = caches._render_shard
    monkeypatch.setattr(
        caches, "_render_shard", lambda *args: (made.append(args[1]), whole(*args))[1]
    )
    (folder / "00001" / "depth.npy").unlink()
    (folder / "00001").rename(folder / "00001.partial")  # as if it had been stopped there
    assert len(Cache(folder)) == 8
    render_cache(folder, 17, FACTS)
    assert made == [1, 2]
    assert len(Cache(folder)) == 24
    assert not list(folder.glob("*.partial"))


def test_pictures_of_another_kind_are_refused(folder: Path) -> None:
    with pytest.raises(PictureError, match="another size or smoothness"):
        render_cache(folder, 8, CacheFacts(size=16))


def test_pictures_of_another_renderer_are_refused(folder: Path) -> None:
    path = folder / "00000" / "image.npy"
    np.save(path, np.load(path) // 2)
    with pytest.raises(PictureError, match="render it again"):
        Cache(folder)


def test_a_folder_without_pictures_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="render --cache"):
        Cache(tmp_path)


def test_every_round_shows_all_wanted_pictures_once(folder: Path) -> None:
    def is_wanted(scene: object) -> bool:
        return scene != sample_scene(3)

    source = CachedSource(Cache(folder), batch=5, seed=1, wanted=is_wanted)
    seen = [scene.seed for step in range(3) for scene in source.batch(step).scenes]
    assert sorted(seen) == [seed for seed in range(16) if seed != 3]
    later = [scene.seed for step in range(3, 6) for scene in source.batch(step).scenes]
    assert sorted(later) == sorted(seen)
    assert later != seen
    assert [scene.seed for scene in source.batch(1).scenes] == seen[5:10]


def test_too_few_pictures_for_a_batch(folder: Path) -> None:
    with pytest.raises(PictureError, match="render more"):
        CachedSource(Cache(folder), batch=17, seed=0)


def test_rendered_pictures_follow_from_seed_and_step() -> None:
    source, same, other = (
        RenderedSource(RenderedOrder(3, seed), torch.device("cpu"), size=16) for seed in (0, 0, 1)
    )
    assert source.batch(4).scenes == same.batch(4).scenes
    assert source.batch(4).scenes != other.batch(4).scenes
    assert source.batch(4).scenes != source.batch(5).scenes
    assert all(scene.seed < FIRST_HELD_OUT_SEED for scene in source.batch(4).scenes)
