"""Pictures rendered once for all recipes, on disk: a folder of shards that are memory-mapped.

Picture i of a cache shows scene i, counted from its first one. A shard is a folder with an array a
file; it gets its name when it is complete, so that a run that was stopped goes on with the next.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vitstudio.core.errors import PictureError
from vitstudio.training.memory import keep_memory
from vitstudio.training.pictures import FIRST_HELD_OUT_SEED, Pictures, draw
from vitstudio.world.scene import Scene, sample_scene

SHARD = 512
"""Pictures of a shard."""
STEP = 128
"""Pictures that are rendered at once."""
FACTS = "cache.json"
TOLERANCE = 2.0
"""Levels by which the first picture may differ on average from what is rendered now: sums are
rounded differently on other computers, another renderer changes much more."""


@dataclass(frozen=True)
class CacheFacts:
    """How the pictures of a cache were made.

    Attributes
    ----------
    size : int
        Pixels a side.
    smooth : int
        Of every four pictures, how many have smooth edges (samples=2).
    first : int
        Seed of the first scene.
    """

    size: int = 128
    smooth: int = 2
    first: int = 0

    def samples(self, index: int) -> int:
        """Samples a pixel and axis of a picture."""
        return 2 if index % 4 < self.smooth else 1

    def scene(self, index: int) -> Scene:
        """What a picture shows."""
        return sample_scene(self.first + index)


DEVELOPMENT = CacheFacts(smooth=4, first=FIRST_HELD_OUT_SEED)
"""Pictures that recipes are watched with; they lie in a cache's folder `DEVELOPMENT_FOLDER`."""
DEVELOPMENT_FOLDER = "development"


def render_cache(
    folder: Path,
    count: int,
    facts: CacheFacts,
    device: torch.device | str = "cpu",
    report: Callable[[int, int], None] = lambda _done, _count: None,
    processes: int = 1,
) -> None:
    """Render what is missing of a cache of at least `count` pictures.

    Several processes of one thread each render a third faster than as many threads of one. The
    pictures are the same.

    Raises
    ------
    PictureError
        If the folder holds pictures of another kind.
    """
    if not 0 < count <= FIRST_HELD_OUT_SEED:
        raise PictureError(f"A cache has 1 to {FIRST_HELD_OUT_SEED:,} pictures, not {count:,}.")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FACTS
    if path.exists() and read_facts(folder) != facts:
        raise PictureError(
            f"'{folder}' holds pictures of another size or smoothness: choose another folder or "
            "remove it."
        )
    path.write_text(json.dumps(asdict(facts)), encoding="utf-8")
    shards = range(-(-count // SHARD))
    missing = [number for number in shards if not _shard(folder, number).exists()]
    if processes > 1 and len(missing) > 1:
        done = SHARD * (len(shards) - len(missing))
        _render_apart(folder, missing, facts, processes, lambda new: report(done + new, count))
    else:
        for number in missing:
            _render_shard(folder, number, facts, device, lambda done: report(done, count))
    report(count, count)


def _render_apart(
    folder: Path,
    numbers: Sequence[int],
    facts: CacheFacts,
    processes: int,
    report: Callable[[int], None],
) -> None:
    # Spawned, not forked: torch's thread pool does not survive a fork.
    context = multiprocessing.get_context("spawn")
    report(0)
    with ProcessPoolExecutor(min(processes, len(numbers)), context, _settle) as pool:
        jobs = [pool.submit(_render_shard, folder, number, facts, "cpu") for number in numbers]
        try:
            for done, job in enumerate(as_completed(jobs), 1):
                job.result()
                report(done * SHARD)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _settle() -> None:
    """Prepare a process that renders beside others."""
    torch.set_num_threads(1)
    keep_memory()


def _render_shard(
    folder: Path,
    number: int,
    facts: CacheFacts,
    device: torch.device | str,
    report: Callable[[int], None] = lambda _done: None,
) -> None:
    partial = folder / f"{number:05}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    shape = (SHARD, facts.size, facts.size)
    image = np.empty((SHARD, 3, *shape[1:]), np.uint8)
    parts = np.empty(shape, np.uint8)
    depth = np.empty(shape, np.float16)
    for samples in (1, 2):
        chosen = [i for i in range(SHARD) if facts.samples(i) == samples]
        for begin in range(0, len(chosen), STEP):
            places = chosen[begin : begin + STEP]
            scenes = [facts.scene(number * SHARD + i) for i in places]
            drawn = draw(scenes, facts.size, samples, device)
            image[places] = drawn.image.cpu().numpy()
            parts[places] = drawn.parts.cpu().numpy()
            depth[places] = drawn.depth.cpu().numpy()
            report(number * SHARD + begin + (samples - 1) * (SHARD - len(chosen)))
    for name, array in (("image", image), ("parts", parts), ("depth", depth)):
        np.save(partial / f"{name}.npy", array)
    partial.rename(_shard(folder, number))


def read_facts(folder: Path) -> CacheFacts:
    """How a folder's pictures were made.

    Raises
    ------
    PictureError
        If it is no cache.
    """
    try:
        return CacheFacts(**json.loads((folder / FACTS).read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError):
        raise PictureError(
            f"'{folder}' is no cache of pictures: make one with 'python -m vitstudio.training "
            f"render --cache {folder}'."
        ) from None


def _shard(folder: Path, number: int) -> Path:
    return folder / f"{number:05}"


class Cache:
    """The complete shards of a folder.

    Raises
    ------
    PictureError
        If there are none, or the renderer has changed since.
    """

    def __init__(self, folder: Path) -> None:
        self.facts = read_facts(folder)
        self._shards: list[dict[str, NDArray[np.generic]]] = []
        while (path := _shard(folder, len(self._shards))).is_dir():
            self._shards.append(
                {name: np.load(path / f"{name}.npy", mmap_mode="r") for name in _FIELDS}
            )
        if not self._shards:
            raise PictureError(f"The cache '{folder}' has no complete shard yet: wait for one.")
        self._check(folder)

    def __len__(self) -> int:
        return SHARD * len(self._shards)

    def read(self, indices: Sequence[int]) -> Pictures:
        """Some pictures, copied."""
        image, parts, depth = (self._rows(name, indices) for name in _FIELDS)
        scenes = tuple(self.facts.scene(int(index)) for index in indices)
        return Pictures(scenes, image, parts, depth.float())

    def _rows(self, name: str, indices: Sequence[int]) -> torch.Tensor:
        rows = [self._shards[index // SHARD][name][index % SHARD] for index in indices]
        return torch.from_numpy(np.stack(rows))

    def _check(self, folder: Path) -> None:
        cached = self.read([0]).image.float()
        scene, samples = self.facts.scene(0), self.facts.samples(0)
        now = draw([scene], self.facts.size, samples).image.float()
        if cached.shape != now.shape or (cached - now).abs().mean() > TOLERANCE:
            raise PictureError(
                f"The pictures of the cache '{folder}' are not what is rendered now: remove it and "
                "render it again."
            )


_FIELDS = ("image", "parts", "depth")
