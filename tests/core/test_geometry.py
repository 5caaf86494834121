"""Source pixels, model pixels and patches agree, for every fit and every shape of picture."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import timm.data
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision import transforms

from vitstudio.core.errors import PictureError
from vitstudio.core.frame import Frame
from vitstudio.core.geometry import (
    MAX_PATCHES,
    ImageTransform,
    as_trained,
    keep_aspect,
    plan,
    whole_picture,
)
from vitstudio.core.spec import LayerSpec, ModelSpec
from vitstudio.core.state import FITS, Fit
from vitstudio.models.preprocess import FILTERS, input_tensor, resized_on

# (rows, cols): odd, landscape, portrait, square, smaller than the input, one pixel.
SIZES = (
    (97, 131),
    (131, 97),
    (64, 200),
    (200, 64),
    (90, 90),
    (83, 83),
    (41, 23),
    (12, 40),
    (3, 5),
    (1, 1),
)
PATCH = 14


def spec_of(
    input_size: tuple[int, int] = (56, 56),
    *,
    crop_fraction: float = 1.0,
    crop_mode: str = "center",
    interpolation: str = "bicubic",
    flexible: bool = True,
) -> ModelSpec:
    grid = input_size[0] // PATCH, input_size[1] // PATCH
    return ModelSpec(
        id="test",
        family="ViT",
        title="Test",
        input_size=input_size,
        patch_size=(PATCH, PATCH),
        layers=(LayerSpec("global", 0, 0, 1, grid),),
        dim=8,
        default_patches=4,
        crop_fraction=crop_fraction,
        crop_mode=crop_mode,
        interpolation=interpolation,
        flexible=flexible,
    )


def noise(size_rc: tuple[int, int]) -> NDArray[np.uint8]:
    return np.random.default_rng(size_rc).integers(0, 256, (*size_rc, 3), dtype=np.uint8)


def random_transforms(count: int) -> list[tuple[ImageTransform, tuple[int, int]]]:
    """All three fits on sizes from 1 to 600 pixels, with their grids."""
    rng = np.random.default_rng(3)
    found = []
    for index in range(count):
        rows, cols = (int(side) for side in np.exp(rng.uniform(0, math.log(600), 2)))
        patches = int(rng.integers(1, 9))
        side = patches * PATCH
        match index % 3:
            case 0:
                transform = keep_aspect((rows, cols), (PATCH, PATCH), patches)
            case 1:
                transform = whole_picture((rows, cols), (side, side))
            case _:
                mode = ("center", "squash", "border")[index // 3 % 3]
                transform = as_trained((rows, cols), (side, side), 0.875, mode)
        grid = transform.input_size[0] // PATCH, transform.input_size[1] // PATCH
        if grid[0] * grid[1] <= 300:
            found.append((transform, grid))
    return found


# ---- as trained


@pytest.mark.parametrize("crop_mode", ["center", "squash", "border"])
@pytest.mark.parametrize("crop_fraction", [1.0, 0.95, 0.875, 0.5])
@pytest.mark.parametrize("input_size", [(56, 56), (57, 57), (42, 70), (33, 28)])
def test_as_trained_is_timms_own_pipeline(
    input_size: tuple[int, int], crop_fraction: float, crop_mode: str
) -> None:
    spec = spec_of(input_size, crop_fraction=crop_fraction, crop_mode=crop_mode)
    pipeline = timm.data.create_transform(
        (3, *input_size),
        interpolation=spec.interpolation,
        mean=spec.mean,
        std=spec.std,
        crop_pct=crop_fraction,
        crop_mode=crop_mode,
    )
    for size in SIZES:
        rgb = noise(size)
        ours = input_tensor(Frame(rgb), plan(size, spec, "trained"), spec)
        theirs = pipeline(Image.fromarray(rgb))[None]
        torch.testing.assert_close(
            ours, theirs, rtol=0, atol=1e-6, msg=lambda text, size=size: f"{size}: {text}"
        )


@pytest.mark.parametrize("crop_fraction", [1.0, 0.875])
def test_as_trained_is_torchvisions_own_pipeline(crop_fraction: float) -> None:
    spec = spec_of((56, 56), crop_fraction=crop_fraction, interpolation="bilinear")
    pipeline = transforms.Compose(
        [
            transforms.Resize(math.floor(56 / crop_fraction)),
            transforms.CenterCrop(56),
            transforms.ToTensor(),
            transforms.Normalize(spec.mean, spec.std),
        ]
    )
    for size in SIZES:
        rgb = noise(size)
        ours = input_tensor(Frame(rgb), plan(size, spec, "trained"), spec)
        torch.testing.assert_close(ours, pipeline(Image.fromarray(rgb))[None], rtol=0, atol=1e-6)


# ---- keep the aspect


def test_keep_aspect_squashes_no_more_than_a_rounding() -> None:
    for rows, cols in itertools.product((37, 100, 333, 1000, 4000), repeat=2):
        for patches in (1, 4, 28):
            transform = keep_aspect((rows, cols), (PATCH, PATCH), patches)
            scale_x, scale_y = transform.scale_xy
            resized_rows, resized_cols = transform.resized_size
            # One side follows from the other's scale to less than a pixel.
            off = min(abs(resized_cols - cols * scale_y), abs(resized_rows - rows * scale_x))
            assert off < 1.0


def test_keep_aspect_crops_less_than_a_patch_of_one_side_only() -> None:
    for rows, cols in itertools.product((37, 100, 333, 1000, 4000), repeat=2):
        for patches in (1, 4, 28):
            transform = keep_aspect((rows, cols), (PATCH, PATCH), patches)
            cropped = [
                resized - kept
                for resized, kept in zip(transform.resized_size, transform.input_size, strict=True)
            ]
            assert min(cropped) == 0
            assert 0 <= max(cropped) < PATCH
            left, top = transform.offset_xy
            # Equal at both ends, to the odd pixel.
            assert (top, left) == (cropped[0] // 2, cropped[1] // 2)


def test_keep_aspect_gives_the_shorter_side_the_patches_asked_for() -> None:
    assert keep_aspect((480, 640), (14, 14), 6).input_size == (6 * 14, 8 * 14)
    assert keep_aspect((640, 480), (14, 14), 6).input_size == (8 * 14, 6 * 14)
    assert keep_aspect((500, 500), (14, 14), 6).input_size == (6 * 14, 6 * 14)


def test_keep_aspect_with_patches_that_are_not_square() -> None:
    transform = keep_aspect((100, 300), (8, 16), 4)
    assert transform.input_size == (4 * 8, 6 * 16)
    assert transform.scale_xy == pytest.approx((0.32, 0.32))


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 1), (2, 3), (30_000, 20_000)])
def test_extreme_sizes_have_at_least_one_patch(size: tuple[int, int]) -> None:
    transform = keep_aspect(size, (PATCH, PATCH), 1)
    assert min(transform.input_size) == PATCH
    assert min(transform.resized_size) >= PATCH


# ---- whole picture


@pytest.mark.parametrize("size", SIZES)
def test_whole_picture_is_inside_and_padded_equally(size: tuple[int, int]) -> None:
    transform = whole_picture(size, (70, 70))
    left, top = transform.offset_xy
    rows, cols = transform.resized_size
    assert max(rows, cols) == 70
    assert left <= 0
    assert top <= 0
    assert abs((70 - cols + left) - -left) <= 1
    assert abs((70 - rows + top) - -top) <= 1
    assert transform.seen_rect() == pytest.approx((0, 0, size[1], size[0]))


def test_padding_is_the_mean_colour() -> None:
    spec = spec_of()
    size = (20, 60)
    tensor = input_tensor(Frame(noise(size)), plan(size, spec, "whole"), spec)
    padding = tensor[0, :, :18]
    assert padding.abs().max() <= 0.5 / 255 / min(spec.std)
    assert tensor[0, :, 19:37].std() > 0.1


# ---- plan


def test_plan_follows_fit_and_flexibility() -> None:
    size, flexible, rigid = (60, 90), spec_of(), spec_of(flexible=False)
    assert plan(size, flexible, "aspect") == keep_aspect(size, (PATCH, PATCH), 4)
    assert plan(size, flexible, "aspect", 6) == keep_aspect(size, (PATCH, PATCH), 6)
    assert plan(size, flexible, "whole", 6) == whole_picture(size, (84, 84))
    assert plan(size, flexible, "trained", 6) == as_trained(size, (56, 56), 1.0)
    assert plan(size, rigid, "aspect", 6) == whole_picture(size, (56, 56))
    assert plan(size, rigid, "trained") == as_trained(size, (56, 56), 1.0)


def test_a_picture_too_long_for_its_aspect_is_refused() -> None:
    with pytest.raises(PictureError, match="whole picture") as refusal:
        plan((10, 60_000), spec_of(), "aspect")
    assert "60000 x 10" in str(refusal.value)
    assert plan((10, 60_000), spec_of(), "whole").input_size == (56, 56)


def test_a_picture_too_long_for_a_centre_crop_is_refused() -> None:
    with pytest.raises(PictureError, match="whole picture"):
        plan((1, 100_000), spec_of(), "trained")


@pytest.mark.parametrize("patches", [0, -3, MAX_PATCHES + 1, 10**400])
def test_impossible_numbers_of_patches_are_refused(patches: int) -> None:
    with pytest.raises(PictureError, match="patches along its shorter side"):
        plan((50, 50), spec_of(), "aspect", patches)


# ---- round trips and cells


def test_points_survive_the_way_there_and_back() -> None:
    rng = np.random.default_rng(5)
    for transform, _grid in random_transforms(90):
        rows, cols = transform.source_size
        for x, y in rng.uniform(-0.2, 1.2, (5, 2)) * (cols, rows):
            there = transform.source_to_input(x, y)
            assert transform.input_to_source(*there) == pytest.approx((x, y))
            unit = transform.source_to_unit(x, y)
            assert transform.unit_to_source(*unit) == pytest.approx((x, y))
            assert unit[0] * transform.input_size[1] == pytest.approx(there[0])
            assert unit[1] * transform.input_size[0] == pytest.approx(there[1])


def test_corners_of_the_picture_are_corners_of_the_resized_picture() -> None:
    transform = ImageTransform((100, 200), (50, 60), (7, -4), (40, 40))
    assert transform.source_to_input(0, 0) == (-7, 4)
    assert transform.source_to_input(200, 100) == pytest.approx((53, 54))
    assert transform.seen_rect() == pytest.approx((7 / 0.3, 0, 47 / 0.3, 72))


def test_cells_tile_the_input_without_gap_or_overlap() -> None:
    for transform, (rows, cols) in random_transforms(60):
        rects = np.array(
            [
                [transform.cell_rect(row, col, (rows, cols)) for col in range(cols)]
                for row in range(rows)
            ]
        )
        x0, y0, x1, y1 = transform.input_rect()
        np.testing.assert_allclose(rects[:, 1:, 0], rects[:, :-1, 2])
        np.testing.assert_allclose(rects[1:, :, 1], rects[:-1, :, 3])
        np.testing.assert_allclose(rects[0, 0, :2], (x0, y0))
        np.testing.assert_allclose(rects[-1, -1, 2:], (x1, y1))
        np.testing.assert_allclose(np.ptp(rects[..., 2] - rects[..., 0]), 0, atol=1e-9 * (x1 - x0))
        np.testing.assert_allclose(np.ptp(rects[..., 3] - rects[..., 1]), 0, atol=1e-9 * (y1 - y0))
        middle = transform.cell_centre(rows // 2, cols // 2, (rows, cols))
        left, top, right, bottom = rects[rows // 2, cols // 2]
        assert middle == pytest.approx(((left + right) / 2, (top + bottom) / 2))


def test_cell_at_is_the_one_whose_rect_holds_the_point() -> None:
    rng = np.random.default_rng(6)
    for transform, (rows, cols) in random_transforms(60):
        size = transform.source_size
        for x, y in rng.uniform(-0.3, 1.3, (12, 2)) * (size[1], size[0]):
            holding = [
                (row, col)
                for row, col in itertools.product(range(rows), range(cols))
                for x0, y0, x1, y1 in [transform.cell_rect(row, col, (rows, cols))]
                if x0 <= x < x1 and y0 <= y < y1
            ]
            found = transform.cell_at(x, y, (rows, cols))
            assert [found] == (holding or [None])
            nearest = transform.nearest_cell(x, y, (rows, cols))
            if found is not None:
                assert nearest == found
                continue
            distances = {
                (row, col): _distance(x, y, transform.cell_rect(row, col, (rows, cols)))
                for row, col in itertools.product(range(rows), range(cols))
            }
            assert distances[nearest] == pytest.approx(min(distances.values()))


def _distance(x: float, y: float, rect: tuple[float, float, float, float]) -> float:
    x0, y0, x1, y1 = rect
    return math.hypot(max(x0 - x, 0, x - x1), max(y0 - y, 0, y - y1))


def test_a_kept_query_point_leads_back_to_its_patch() -> None:
    seen = 0
    for transform, grid in random_transforms(300):
        rows, cols = transform.source_size
        for row, col in itertools.product(range(grid[0]), range(grid[1])):
            point = transform.point_in_cell(row, col, grid)
            assert (point is not None) == transform.cell_has_picture(row, col, grid)
            if point is None:
                continue
            seen += 1
            assert 0.0 <= min(point) <= max(point) <= 1.0
            assert transform.nearest_cell(point[0] * cols, point[1] * rows, grid) == (row, col)
    assert seen > 1000


def test_cells_of_padding_show_no_picture() -> None:
    transform = whole_picture((20, 80), (56, 56))  # 14 rows of picture between 21 and 35
    shows = [transform.cell_has_picture(row, 0, (4, 4)) for row in range(4)]
    assert shows == [False, True, True, False]
    assert transform.point_in_cell(0, 0, (4, 4)) is None
    assert transform.point_in_cell(1, 0, (4, 4)) == pytest.approx((0.125, 0.25))


# ---- a planted patch


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(300, 460), (460, 300), (331, 331)])
def test_a_planted_patch_lands_on_its_cell(size: tuple[int, int], fit: Fit) -> None:
    spec = spec_of((70, 70), crop_fraction=0.9)
    transform = plan(size, spec, fit, 5)
    grid = transform.input_size[0] // PATCH, transform.input_size[1] // PATCH
    for row, col in ((1, 2), (2, 1), (3, 3)):
        rgb = np.full((*size, 3), (124, 116, 104), dtype=np.uint8)  # the colour of padding
        x0, y0, x1, y1 = (round(edge) for edge in transform.cell_rect(row, col, grid))
        rgb[y0:y1, x0:x1] = 255
        grey = input_tensor(Frame(rgb), transform, spec)[0].mean(dim=0).numpy()
        bright = np.clip(grey - np.median(grey), 0, None)
        y = (bright.sum(axis=1) * (np.arange(len(bright)) + 0.5)).sum() / bright.sum()
        x = (bright.sum(axis=0) * (np.arange(bright.shape[1]) + 0.5)).sum() / bright.sum()
        assert (x, y) == pytest.approx(((col + 0.5) * PATCH, (row + 0.5) * PATCH), abs=0.5)
        # ... and fills that cell and nothing else.
        cells = bright.reshape(grid[0], PATCH, grid[1], PATCH).mean(axis=(1, 3))
        assert np.unravel_index(cells.argmax(), grid) == (row, col)
        assert cells[row, col] > 0.8 * bright.max()
        assert (cells > 0.1 * cells.max()).sum() == 1


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("size_rc", [(21, 50), (90, 61), (64, 97)])
def test_resizing_on_another_device_is_that_of_pillow(
    interpolation: str, size_rc: tuple[int, int]
) -> None:
    """The code for graphics cards, run on the CPU: a grey level off at most."""
    rgb = noise((64, 97))
    ours = resized_on(torch.device("cpu"), Frame(rgb), size_rc, interpolation)
    size = (size_rc[1], size_rc[0])
    expected = np.array(Image.fromarray(rgb).resize(size, FILTERS[interpolation]))
    off = np.abs(ours.permute(1, 2, 0).numpy() - expected)
    assert ours.shape == (3, *size_rc)
    assert off.max() <= 1
