"""Zero-shot answers as data; label sets, label files, prompts and templates."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from vitstudio.core import prompts
from vitstudio.core.errors import ModelError, VitStudioError
from vitstudio.core.state import State
from vitstudio.core.zeroshot import TextAttention, ZeroShotAnswer, answer_of


def answer(
    texts: list[str], similarities: list[float], bias: float | None = None
) -> ZeroShotAnswer:
    values = np.array(similarities, dtype=np.float32)
    return answer_of(texts, values, 10.0, bias, [5] * len(texts), 77)


def test_softmax_probabilities_follow_the_order_asked() -> None:
    found = answer(["cat", "dog", "fish"], [0.1, 0.3, 0.2])
    powers = [math.exp(value) for value in (1.0, 3.0, 2.0)]
    expected = [value / sum(powers) for value in powers]
    assert found.probabilities == pytest.approx(expected, rel=1e-6)
    assert found.similarities == pytest.approx((0.1, 0.3, 0.2))
    assert [name for name, _ in found.ranked()] == ["dog", "fish", "cat"]
    assert [name for name, _ in found.ranked(1)] == ["dog"]


def test_sigmoid_probabilities_are_each_their_own() -> None:
    found = answer(["cat", "dog"], [0.1, 0.3], bias=-2.0)
    assert found.probabilities == pytest.approx([1 / (1 + math.exp(1)), 1 / (1 + math.exp(-1))])
    alone = answer(["dog"], [0.3], bias=-2.0)
    assert alone.probabilities[0] == pytest.approx(found.probabilities[1])


def test_sigmoid_and_softmax_stay_finite_for_large_logits() -> None:
    values = np.array([1.0, -1.0], dtype=np.float32)
    for bias in (None, -10.0):
        found = answer_of(["a", "b"], values, 5000.0, bias, [3, 3], 77)
        assert found.probabilities == pytest.approx((1.0, 0.0))


def test_one_prompt_is_certain() -> None:
    assert answer(["cat"], [-0.4]).probabilities == (1.0,)


def test_a_prompt_asked_twice_takes_nothing_from_the_others() -> None:
    twice = answer(["cat", "dog", "cat"], [0.1, 0.3, 0.1])
    once = answer(["cat", "dog"], [0.1, 0.3])
    assert twice.probabilities[:2] == pytest.approx(once.probabilities)
    assert twice.probabilities[0] == twice.probabilities[2]
    assert len(twice.ranked()) == 2


def test_truncation_is_said_of_each_prompt() -> None:
    values = np.zeros(2, dtype=np.float32)
    found = answer_of(["short", "long"], values, 1.0, None, [77, 78], 77)
    assert found.truncated == (False, True)


def test_damaged_answers_are_refused() -> None:
    with pytest.raises(ModelError, match="2 prompts"):
        ZeroShotAnswer(("a", "b"), (1.0,), (0.1,), 1.0, None, (3,), (False,))
    with pytest.raises(ModelError, match="over 2 tokens"):
        TextAttention(("a", "b"), np.zeros((1, 3, 3), dtype=np.float32))


@pytest.mark.parametrize(
    ("name", "count", "some"),
    [
        ("imagenet1k", 1000, "tench"),
        ("coco80", 80, "hair drier"),
        ("cifar10", 10, "airplane"),
        ("cifar100", 100, "aquarium fish"),
    ],
)
def test_label_sets(name: str, count: int, some: str) -> None:
    labels = prompts.label_set(name)
    assert len(labels) == len(set(labels)) == count
    assert some in labels
    assert all(label == label.strip() != "" for label in labels)


def test_coco_s_names_are_torchvision_s() -> None:
    from torchvision.models.detection import FasterRCNN_ResNet50_FPN_Weights

    listed = FasterRCNN_ResNet50_FPN_Weights.COCO_V1.meta["categories"]
    assert prompts.label_set("coco80") == tuple(
        name for name in listed if name not in ("__background__", "N/A")
    )


def test_an_unknown_label_set_is_named() -> None:
    with pytest.raises(VitStudioError, match="'cifar'; choose one of imagenet1k"):
        prompts.label_set("cifar")


def test_every_bundled_template_fits_a_state() -> None:
    for templates in prompts.TEMPLATE_SETS.values():
        assert prompts.checked_templates(templates) == templates
        assert State(templates=templates).templates == templates


def test_label_files_are_utf8_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_bytes("\ufeffねこ\r\n\r\n  Hund \nねこ\n".encode())
    assert prompts.read_labels(path) == ("ねこ", "Hund")


def test_unreadable_label_files_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    with pytest.raises(VitStudioError, match="cannot be read"):
        prompts.read_labels(path)
    with pytest.raises(VitStudioError, match="cannot be read"):
        prompts.read_labels(tmp_path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(VitStudioError, match="no UTF-8"):
        prompts.read_labels(path)
    path.write_text("\n \n")
    with pytest.raises(VitStudioError, match="has no labels"):
        prompts.read_labels(path)
    path.write_bytes(b"a" * (prompts.LARGEST_FILE_BYTES + 1))
    with pytest.raises(VitStudioError, match="too large"):
        prompts.read_labels(path)


def test_labels_typed_with_commas() -> None:
    assert prompts.split_labels(" cat, dog ,,cat") == ("cat", "dog")
    with pytest.raises(VitStudioError, match="No label"):
        prompts.split_labels(" , ")


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ((), "at least one prompt"),
        (("cat", " \t"), "Prompt 2 of 2 is empty"),
        ("", "Prompt 1 of 1 is empty"),
        (("cat", 3), "number 2 is 3"),
    ],
)
def test_prompts_that_cannot_be_asked(texts: object, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        prompts.checked_prompts(texts)  # type: ignore[arg-type]


def test_a_string_is_one_prompt() -> None:
    assert prompts.checked_prompts(" a cat ") == ("a cat",)
    assert prompts.checked_templates("{}") == ("{}",)


@pytest.mark.parametrize("templates", [(), ("photo",), ("{} and {}",), ("{}", "of {0}")])
def test_templates_need_one_slot(templates: tuple[str, ...]) -> None:
    with pytest.raises(ModelError, match="template"):
        prompts.checked_templates(templates)


def test_braces_in_a_prompt_are_left_alone() -> None:
    assert prompts.sentence_of("a {} here", "set {x} of {0}") == "a set {x} of {0} here"
