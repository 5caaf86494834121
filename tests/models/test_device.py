"""Devices by name and title; a computer with two graphics cards is played."""

from __future__ import annotations

import pytest
import torch

from vitstudio.core.errors import ModelError
from vitstudio.models.device import (
    available_devices,
    choose_device,
    choose_precision,
    titled_devices,
)


@pytest.fixture
def no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def two_cards(no_card: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


def test_without_a_card_there_is_the_cpu(no_card: None) -> None:
    assert available_devices() == ("cpu",)
    assert titled_devices() == (("cpu", "CPU"),)
    assert choose_device("auto") == torch.device("cpu")
    with pytest.raises(ModelError, match="no device 'cuda'; choose cpu or auto"):
        choose_device("cuda")


def test_cards_have_their_titles_once_torch_uses_them(
    two_cards: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked_too_early(_name: str) -> str:
        raise AssertionError("this would take a moment, and memory of the card")

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    monkeypatch.setattr(torch.cuda, "get_device_name", asked_too_early)
    assert titled_devices() == (("cpu", "CPU"), ("cuda:0", "CUDA 0"), ("cuda:1", "CUDA 1"))
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", {"cuda:0": "A", "cuda:1": "B"}.get)
    assert titled_devices() == (("cpu", "CPU"), ("cuda:0", "A"), ("cuda:1", "B"))


def test_a_card_is_chosen_by_name_and_the_first_one_by_itself(two_cards: None) -> None:
    for name, chosen in (("auto", "cuda:0"), ("cuda", "cuda:0"), ("cuda:1", "cuda:1")):
        assert choose_device(name) == torch.device(chosen)
    with pytest.raises(ModelError, match="'cuda:2'; choose cuda:0, cuda:1, cpu or auto"):
        choose_device("cuda:2")


def test_a_precision_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ModelError, match="no precision 'int8'"):
        choose_precision("int8", torch.device("cpu"))
    assert choose_precision("float32", torch.device("cpu")) == "float32"
