"""The numbers of a take: an .npz, written picture by picture."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from vitstudio.export.content import FigureContent

Array = NDArray[Any]


def write_arrays(
    file: BinaryIO,
    contents: Sequence[FigureContent],
    times_s: Sequence[float],
    metadata: str,
    step: Callable[[], None],
) -> None:
    """Write an .npz that `np.load` reads without unpickling.

    Of n pictures it holds `times_s` (float64 (n,), from the first picture), `capture_times_s`
    (float64 (n,), on the source's clock), `frame_indices` (int64 (n,)), `grid_sizes` (int64 (n, 2),
    rows and columns of patches), `input_rects_source_px` (float64 (n, 4), x0, y0, x1, y1),
    `model_ids`, `weights_hashes` (str (n,)), `states` (str (different states,), JSON) with
    `state_of` (int64 (n,), which of them), and `metadata` (the text of a still export as uint8).

    `pictures` is uint8 (n, rows, cols, 3), `maps` float32 (n, rows, cols) or (n, rows, cols, 3),
    `prefixes` float32 (n, prefix tokens). Where they are not all of one shape, the second one is
    in `pictures_1`, `maps_1` and so on, and `pictures_at` (int64 (n, 2)) says for each picture in
    which of them it is and at which place; (-1, -1) for none. Views of sampling points add
    `points`, `references` and `weights` in the same way.

    Parameters
    ----------
    file : binary file
        Open to write and seek.
    step : callable
        Called after each picture.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in _small_arrays(contents, times_s, metadata).items():
            with _member(archive, name) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
        for name, parts in _map_parts(contents).items():
            _write_stacks(archive, name, parts, lambda: None)
        _write_stacks(archive, "pictures", [content.info.frame.rgb for content in contents], step)


def _small_arrays(
    contents: Sequence[FigureContent], times_s: Sequence[float], metadata: str
) -> dict[str, Array]:
    infos = [content.info for content in contents]
    states: dict[str, int] = {}
    state_of = [states.setdefault(content.state.to_json(), len(states)) for content in contents]
    return {
        "metadata": np.frombuffer(metadata.encode("utf-8"), dtype=np.uint8),
        "times_s": np.array(times_s, dtype=np.float64),
        "capture_times_s": np.array([info.frame.capture_time_s for info in infos], np.float64),
        "frame_indices": np.array([info.frame.index for info in infos], dtype=np.int64),
        "grid_sizes": np.array([info.grid_size for info in infos], dtype=np.int64),
        "input_rects_source_px": np.array([info.transform.input_rect() for info in infos]),
        "model_ids": np.array([info.spec.id for info in infos]),
        "weights_hashes": np.array([info.spec.weights_hash for info in infos]),
        "states": np.array(list(states)),
        "state_of": np.array(state_of, dtype=np.int64),
    }


def _map_parts(contents: Sequence[FigureContent]) -> dict[str, list[Array | None]]:
    maps = [content.token_map for content in contents]
    points = [found.points if found is not None else None for found in maps]
    parts: dict[str, list[Array | None]] = {
        "maps": [found.values if found is not None else None for found in maps],
        "prefixes": [found.prefix if found is not None else None for found in maps],
    }
    for name in ("points", "references", "weights"):
        parts[name] = [getattr(found, name) if found is not None else None for found in points]
    return parts


def _write_stacks(
    archive: zipfile.ZipFile,
    name: str,
    parts: Sequence[Array | None],
    step: Callable[[], None],
) -> None:
    """Arrays of one shape as one array, written one after the other: no copy of all is made."""
    stacks: dict[tuple[int, ...], list[Array]] = {}
    at = np.full((len(parts), 2), -1, dtype=np.int64)
    for place, part in enumerate(parts):
        if part is not None:
            stack = stacks.setdefault(part.shape, [])
            at[place] = list(stacks).index(part.shape), len(stack)
            stack.append(part)
    if not stacks:
        return
    for number, (shape, stack) in enumerate(stacks.items()):
        with _member(archive, f"{name}_{number}" if number else name) as member:
            header = np.lib.format.header_data_from_array_1_0(stack[0])
            header |= {"shape": (len(stack), *shape), "fortran_order": False}
            np.lib.format.write_array_header_1_0(member, header)
            for part in stack:
                member.write(np.ascontiguousarray(part).data)
                step()
    with _member(archive, f"{name}_at") as member:
        np.lib.format.write_array(member, at, allow_pickle=False)


def _member(archive: zipfile.ZipFile, name: str) -> Any:
    # Pictures may take more than the 4 GB that are the limit of plain members.
    return archive.open(f"{name}.npy", "w", force_zip64=True)
