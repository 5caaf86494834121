"""The renderer against geometry computed by hand, in double precision."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch

from vitstudio.core.errors import StateError
from vitstudio.world.render import Rendering, render
from vitstudio.world.scene import Camera, Ground, Light, Scene, Solid, sample_scene
from vitstudio.world.vocabulary import COLOURS, SHAPES, TEXTURES

Array = npt.NDArray[np.float64]


def one(shape: str = "sphere", **looks: object) -> Scene:
    solid = Solid(shape, "plain", "green", 0.36, 0.05, 0.1, yaw=25.0, gloss=0.0)
    camera = Camera(turn=17.0, height=1.1, aim_x=0.02, aim_z=0.3)
    return Scene(1, (replace(solid, **looks),), Ground("plain", "cream"), camera=camera)  # type: ignore[arg-type]


def rays(scene: Scene, rows: int, cols: int) -> tuple[Array, Array]:
    """Camera position and a ray a pixel, of length 1 along the axis; from `Camera`'s words."""
    camera = scene.camera
    turn = math.radians(camera.turn)
    aim = np.array([camera.aim_x, camera.aim_y, camera.aim_z])
    eye = aim + camera.distance * np.array([math.sin(turn), -math.cos(turn), 0])
    eye[2] = camera.height
    ahead = (aim - eye) / np.linalg.norm(aim - eye)
    right = np.cross(ahead, [0, 0, 1])
    right /= np.linalg.norm(right)
    up = np.cross(right, ahead)
    unit = 2 * math.tan(math.radians(camera.field) / 2) / min(rows, cols)
    v, u = np.mgrid[:rows, :cols]
    u, v = (u + 0.5 - cols / 2) * unit, (v + 0.5 - rows / 2) * unit
    return eye, ahead + u[..., None] * right - v[..., None] * up


def sphere_depth(scene: Scene, rows: int, cols: int) -> tuple[Array, Array]:
    """Depth of the first solid as a ball (nan where missed), and how far inside a ray passes."""
    eye, ray = rays(scene, rows, cols)
    solid = scene.main
    centre = np.array([solid.x, solid.y, solid.size]) - eye
    along = ray @ centre
    length2 = (ray**2).sum(-1)
    spread = along**2 - length2 * (centre @ centre - solid.size**2)
    depth = np.where(spread > 0, (along - np.sqrt(np.maximum(spread, 0))) / length2, np.nan)
    return depth, solid.size**2 - (centre @ centre - along**2 / length2)


@pytest.mark.parametrize("size", [(128, 128), (96, 160), (150, 90)])
def test_a_sphere_is_where_it_must_be(size: tuple[int, int]) -> None:
    scene = one()
    seen = render([scene], size)
    expected, inside = sphere_depth(scene, *size)
    mask = seen.instance[0].numpy() == 1
    clear = np.abs(inside) > 1e-5
    assert mask.sum() > 1000
    assert (mask == ~np.isnan(expected))[clear].all()
    assert np.abs(seen.depth[0].numpy() - expected)[mask & clear].max() < 2e-4
    assert np.median(np.abs(seen.depth[0].numpy() - expected)[mask & clear]) < 2e-6


def test_floor_and_walls_are_planes() -> None:
    scene = one()
    seen = render([scene], (120, 200))
    eye, ray = rays(scene, 120, 200)
    to_floor = np.where(ray[..., 2] < 0, -eye[2] / ray[..., 2], np.inf)
    to_back = (scene.room.back - eye[1]) / ray[..., 1]
    side = (np.sign(ray[..., 0]) * scene.room.half_width - eye[0]) / ray[..., 0]
    expected = np.minimum(np.minimum(to_floor, to_back), side)
    room = seen.instance[0].numpy() == 0
    assert np.abs(seen.depth[0].numpy() - expected)[room].max() < 1e-5
    floor = room & (to_floor < np.minimum(to_back, side))
    assert (seen.floor[0].numpy() == floor).all()
    assert floor.any()
    assert (room & ~floor).any()


def test_a_cube_is_where_it_must_be() -> None:
    scene = one("cube")
    seen = render([scene], 128)
    eye, ray = rays(scene, 128, 128)
    solid, half = scene.main, scene.main.size / math.sqrt(3)
    c, s = math.cos(math.radians(solid.yaw)), math.sin(math.radians(solid.yaw))
    turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    start, ray = turn @ (eye - [solid.x, solid.y, half]), ray @ turn.T
    near = np.minimum((half - start) / ray, (-half - start) / ray).max(-1)
    far = np.maximum((half - start) / ray, (-half - start) / ray).min(-1)
    mask = seen.instance[0].numpy() == 1
    clear = np.abs(far - near) > 1e-3
    assert (mask == (near < far))[clear].all()
    assert np.abs(seen.depth[0].numpy() - near)[mask & clear].max() < 2e-4


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_stands_on_the_floor_in_its_ball(shape: str) -> None:
    scene = one(shape)
    seen = render([scene], 160)
    eye, ray = rays(scene, 160, 160)
    points = eye + seen.depth[0].numpy()[..., None].astype(np.float64) * ray
    mask = seen.instance[0].numpy() == 1
    assert mask.sum() > 800
    points = points[mask]
    assert points[:, 2].min() > -1e-3
    assert points[:, 2].min() < 0.06  # its lowest visible point: a torus and a ball curve away
    away = np.hypot(points[:, 0] - scene.main.x, points[:, 1] - scene.main.y)
    assert away.max() < scene.main.size + 1e-3


def test_a_picture_is_the_same_alone_and_among_others() -> None:
    scenes = [sample_scene(seed) for seed in range(6)]
    together = render(scenes, 96)
    for number, scene in enumerate(scenes):
        alone = render([scene], 96)
        assert (alone.instance[0] == together.instance[number]).float().mean() > 0.9999
        difference = (alone.image[0].int() - together.image[number].int()).abs()
        assert (difference > 2).float().mean() < 1e-3


def test_a_scene_looks_the_same_at_every_size() -> None:
    scene = sample_scene(7)
    small, large = render([scene], (50, 70)), render([scene], (150, 210))
    middle = large.depth[0, 1::3, 1::3]  # of three pixels the middle one has the same ray
    same = small.instance[0] == large.instance[0, 1::3, 1::3]
    assert same.float().mean() > 0.999
    torch.testing.assert_close(small.depth[0][same], middle[same], atol=2e-4, rtol=1e-4)


def test_more_samples_smooth_the_edges_and_leave_the_truth() -> None:
    scene = sample_scene(11)
    rough, smooth = render([scene], 96), render([scene], 96, samples=2)
    assert torch.equal(rough.instance, smooth.instance)
    assert torch.equal(rough.depth, smooth.depth)
    assert not torch.equal(rough.image, smooth.image)
    fine = render([scene], 480, samples=2).image[0].float()
    true = torch.nn.functional.avg_pool2d(fine, 5)
    assert (smooth.image[0] - true).abs().mean() < 0.75 * (rough.image[0] - true).abs().mean()


def main_colour(seen: Rendering) -> Array:
    pixels = seen.image[0].permute(1, 2, 0)[seen.instance[0] == 1]
    return pixels.float().median(dim=0).values.numpy().astype(np.float64) / 255


@pytest.mark.parametrize("colour", COLOURS)
def test_plain_solids_have_the_colour_that_is_said(colour: str) -> None:
    scene = replace(one(colour=colour), light=Light(warmth=0.0))
    shade = main_colour(render([scene], 128))
    norm = shade / np.linalg.norm(shade)
    angles = {name: norm @ (np.array(rgb) / np.linalg.norm(rgb)) for name, rgb in COLOURS.items()}
    assert max(angles, key=lambda name: angles[name]) == colour


@pytest.mark.parametrize("texture", TEXTURES)
def test_textures_change_the_solid_and_nothing_else(texture: str) -> None:
    plain, other = render([one()], 128), render([one(texture=texture)], 128)
    assert torch.equal(plain.instance, other.instance)
    assert torch.equal(plain.depth, other.depth)
    changed = (plain.image != other.image).any(dim=1)[0]
    assert not changed[plain.instance[0] == 0].any()
    assert changed[plain.instance[0] == 1].any() == (texture != "plain")


def test_the_main_solid_is_the_largest_in_the_picture() -> None:
    scenes = [sample_scene(seed) for seed in range(200)]
    seen = render(scenes, 64)
    areas = torch.stack([(seen.instance == slot).sum((1, 2)) for slot in range(1, 5)], 1)
    assert (areas.argmax(1) == 0).float().mean() >= 0.97  # chairs are thin
    assert areas[:, 0].min() > 40


def test_shadows_fall_away_from_the_lamp() -> None:
    scene = one()
    means = []
    for azimuth in (-80.0, 80.0):  # from the left, from the right of the camera
        light = Light(azimuth=azimuth, elevation=35.0, warmth=0.0)
        seen = render([replace(scene, light=light)], 128)
        floor = seen.floor[0]
        brightness = seen.image[0].float().mean(0)
        columns = torch.arange(128)[None].expand(128, 128)
        left, right = floor & (columns < 50), floor & (columns >= 78)
        means.append((brightness[left].mean() - brightness[right].mean()).item())
    assert means[0] > 3
    assert means[1] < -3


def test_what_cannot_be_drawn_is_said() -> None:
    with pytest.raises(StateError, match="has no 'teapot'"):
        render([one("teapot")])
    with pytest.raises(StateError, match="0 x 5 pixels"):
        render([one()], (0, 5))
    with pytest.raises(StateError, match="1 to 4 solids"):
        render([replace(one(), solids=())])
