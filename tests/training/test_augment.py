from __future__ import annotations

import torch

from vitstudio.training.augment import Augmentation, change_light, crop, mirror_flags, windows
from vitstudio.training.labels import MAIN


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def planted(count: int = 32) -> torch.Tensor:
    """A main solid in the middle, another one near the right edge."""
    parts = torch.zeros(count, 40, 40, dtype=torch.uint8)
    parts[:, 14:26, 12:22] = MAIN
    parts[:, 18:24, 34:39] = MAIN + 1
    return parts


def test_windows_keep_what_they_must_and_no_more() -> None:
    for keep_all, right in ((False, 22 / 40), (True, 39 / 40)):
        rules = Augmentation(keep_all=keep_all)
        left, top, side = windows(planted(), (0.2, 1.0), rules, seeded()).unbind(1)
        tolerance = 1e-6
        assert bool((left >= 0).all())
        assert bool((left <= 12 / 40 + tolerance).all())
        assert bool((left + side >= right - tolerance).all())
        assert bool((left + side <= 1 + tolerance).all())
        assert bool((top <= 14 / 40 + tolerance).all())
        assert bool((top + side >= 26 / 40 - tolerance).all())
        assert side.min() < 0.9
        assert side.max() <= 1


def test_the_whole_window_changes_nothing_but_the_mirror() -> None:
    image = torch.rand(2, 3, 16, 16, generator=seeded())
    parts = torch.randint(6, (2, 16, 16), generator=seeded(), dtype=torch.uint8)
    whole = torch.tensor([[0.0, 0.0, 1.0]] * 2)
    seen, labels = crop(image, parts, whole, torch.tensor([False, True]), 16)
    assert torch.allclose(seen[0], image[0], atol=1e-5)
    assert torch.allclose(seen[1], image[1].flip(-1), atol=1e-5)
    assert torch.equal(labels[0], parts[0])
    assert torch.equal(labels[1], parts[1].flip(-1))


def test_a_window_shows_what_is_in_it() -> None:
    image = torch.rand(1, 3, 16, 16, generator=seeded())
    parts = torch.randint(6, (1, 16, 16), generator=seeded(), dtype=torch.uint8)
    corner = torch.tensor([[0.5, 0.25, 0.5]])  # left, top, side: columns 8 to 16, rows 4 to 12
    seen, labels = crop(image, parts, corner, torch.tensor([False]), 8)
    assert torch.allclose(seen[0], image[0, :, 4:12, 8:16], atol=1e-5)
    assert torch.equal(labels[0], parts[0, 4:12, 8:16])


def test_light_never_changes_the_hue() -> None:
    grey = torch.rand(8, 1, 12, 12, generator=seeded()).expand(8, 3, 12, 12)
    changed = change_light(grey, Augmentation(noise=0.0, blur=0.5), seeded(1))
    assert not torch.allclose(changed, grey, atol=0.02)
    assert torch.allclose(changed[:, 0], changed[:, 1], atol=1e-6)
    assert torch.allclose(changed[:, 0], changed[:, 2], atol=1e-6)


def test_chances_follow_from_the_generator() -> None:
    image = torch.rand(4, 3, 12, 12, generator=seeded())
    first, again, other = (change_light(image, Augmentation(), seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_captions_are_never_mirrored() -> None:
    assert mirror_flags(64, Augmentation(), seeded()).any()
    assert not mirror_flags(64, Augmentation(mirror=False), seeded()).any()
