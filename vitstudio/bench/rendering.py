"""The promise of the tabletop world's renderer: as many pictures as training needs."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from vitstudio.bench.timing import Row
from vitstudio.core.cores import cores
from vitstudio.training.cache import SHARD, CacheFacts, render_cache

BAR = 100.0
"""Pictures of 128 px a second, on two cores."""


def rendering_rows(repeats: int) -> list[Row]:
    """Render shards of a cache in a process a core, their start and writing included."""
    processes = min(2, cores())
    count = SHARD * processes * (4 if repeats > 3 else 2)
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        render_cache(Path(folder) / "cache", count, CacheFacts(smooth=0), processes=processes)
        spent = time.perf_counter() - begin
    note = f"{count:,} pictures of the tabletop world at one ray a pixel, {processes} processes"
    return [Row("rendered pictures a second", count / spent, "/s", BAR, at_least=True, note=note)]
