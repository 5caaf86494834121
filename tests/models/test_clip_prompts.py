"""Prompts of every kind, ids and weights of CLIP: what is kept, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tests.models.clip_nets import (
    CONTEXT,
    TEMPLATES,
    adapted_of,
    plain_clip,
    sigmoid_clip,
    simple_tokens,
)
from tests.models.nets_of_tests import random_frame
from vitstudio.core.errors import CheckpointError, ModelError
from vitstudio.models import language as languages
from vitstudio.models.adapters import open_clip as adapter
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.load import listed_spec, load
from vitstudio.models.tokens import Tokens
from vitstudio.models.trace import Trace
from vitstudio.models.tracing import trace_frame


@pytest.fixture(scope="module")
def plain() -> Trace:
    """A trace of the plain CLIP at its own size."""
    return trace_frame(adapted_of(plain_clip()), random_frame(64, 64), "trained")


# ---- prompts of every kind


def test_known_prompts_are_not_encoded_again(plain: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    language, encoded = plain.language(), []
    encode = language.tower.encode
    monkeypatch.setattr(
        language.tower, "encode", lambda ids: encoded.append(len(ids)) or encode(ids)
    )
    first = plain.zero_shot(["tree", "house"], TEMPLATES[0])
    assert sum(encoded) == 2
    second = plain.zero_shot(["house", "river", "tree"], TEMPLATES[0])
    assert sum(encoded) == 3
    assert second.similarities[2] == pytest.approx(first.similarities[0])
    plain.zero_shot(["tree"], "{}")
    assert sum(encoded) == 4


def test_kept_embeddings_are_bounded(plain: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(languages, "CACHE_BYTES", 40 * 4 * 3)
    names = [f"thing {index}" for index in range(10)]
    answer = plain.zero_shot(names)
    assert len(answer.prompts) == 10
    assert len(plain.language()._kept) == 3


def test_five_hundred_prompts_come_in_steps(plain: Trace) -> None:
    names = [f"object number {index}" for index in range(500)]
    steps = list(plain.zero_shot_steps(names, ("{}",)))
    assert len(steps) > 20  # so that other work can go between
    answer = steps[-1]
    assert answer is not None
    assert sum(answer.probabilities) == pytest.approx(1.0)
    few = plain.zero_shot(names[490:493], "{}")
    assert few.similarities == pytest.approx(answer.similarities[490:493], abs=1e-5)


def test_duplicates_one_prompt_and_spaces(plain: Trace) -> None:
    assert plain.zero_shot(["cat"]).probabilities == (1.0,)
    assert plain.zero_shot("cat").prompts == ("cat",)
    twice, once = plain.zero_shot(["cat", "dog", " cat"]), plain.zero_shot(["cat", "dog"])
    assert twice.probabilities[:2] == pytest.approx(once.probabilities)
    assert twice.probabilities[2] == twice.probabilities[0]


@pytest.mark.parametrize("text", ["word " * 2000, "x" * 10_000, "漢" * 10_000])
def test_long_prompts_are_truncated_visibly(plain: Trace, text: str) -> None:
    answer = plain.zero_shot([text, "cat"])
    assert answer.truncated == (True, False)
    assert answer.num_tokens[0] > CONTEXT
    assert answer.context_length == CONTEXT
    trace = plain.text(text)
    assert trace.truncated
    assert len(trace.tokens) == CONTEXT
    assert trace.tokens[-1] == "[end]"
    assert plain.relevance(text).shape == plain.grid_size


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda trace: trace.zero_shot([]), "at least one prompt"),
        (lambda trace: trace.zero_shot(["cat", ""]), "Prompt 2 of 2 is empty"),
        (lambda trace: trace.zero_shot(["cat"], "a photo"), "needs one slot"),
        (lambda trace: trace.zero_shot(["cat"], templates=()), "At least one template"),
        (lambda trace: trace.relevance("  "), "is empty"),
        (lambda trace: trace.relevance("cat", "photo"), "needs one slot"),
        (lambda trace: trace.relevance("cat", start_layer=3), "cannot start at layer 3"),
        (lambda trace: trace.words("cat", start_layer=-1), "cannot start at layer -1"),
        (lambda trace: trace.words(""), "is empty"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(
    plain: Trace, ask: Callable[[Trace], Any], sentence: str
) -> None:
    with pytest.raises(ModelError, match=sentence):
        ask(plain)


def test_a_model_without_text_says_so() -> None:
    trace = load("dinov2_vits14", "random", "cpu", "float32").trace_frame(random_frame(), patches=3)
    for ask in (partial(trace.zero_shot, ["cat"]), partial(trace.relevance, "cat")):
        with pytest.raises(ModelError, match="reads no text: choose a CLIP model"):
            ask()


def test_relevance_that_would_not_fit_is_refused(
    plain: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitstudio.models.relevance.LIMIT_BYTES", 1000)
    with pytest.raises(ModelError, match="start at a later layer or use a lower resolution"):
        plain.relevance("cat")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of transformers' own imports
def test_tokenizers_of_hugging_face(tmp_path: Path) -> None:
    """As SigLIP has them: pieces of words, the end as padding, no start."""
    pytest.importorskip("transformers")
    import open_clip
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    pieces = ["<unk>", "</s>", "▁a", "▁small", "▁kit", "ten", "▁", "s"]
    inner = Tokenizer(models.Unigram([(piece, -1.0) for piece in pieces], unk_id=0))
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    inner.decoder = decoders.Metaspace()
    inner.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="</s>", pad_token="</s>", unk_token="<unk>"
    )
    fast.save_pretrained(tmp_path)
    own = open_clip.tokenizer.HFTokenizer(str(tmp_path), context_length=8, clean="canonicalize")
    tokens = Tokens(own, 8)
    (ids,) = tokens.ids(["A small kittens!"]).tolist()
    assert ids == [2, 3, 4, 5, 7, 1, 1, 1]
    assert tokens.count("A small kittens!") == 6
    assert tokens.count("small " * 20) == 21
    spelled = tokens.spelled(ids)
    assert spelled[5:] == ("[end]", "[pad]", "[pad]")
    assert tokens.words(ids) == (("a", (0,)), ("small", (1,)), ("kittens", (2, 3, 4)))


# ---- ids and weights


@pytest.mark.parametrize(
    ("model_id", "sentence"),
    [
        ("open_clip/ViT-B-33", "no architecture 'ViT-B-33'; try open_clip/ViT-B-3?2"),
        (
            "open_clip/ViT-B-32/nobody",
            "no weights 'nobody' of ViT-B-32; it has open_clip/ViT-B-32/",
        ),
        ("open_clip/ViT-B-32", "needs the name of its weights: it has open_clip/ViT-B-32/openai"),
        ("open_clip/RN50/openai", "is a ResNet"),
        ("open_clip/convnext_base/laion400m_s13b_b51k", "no ViT that VitStudio can trace"),
        ("open_clip/vit_relpos_medium_patch16_cls_224", "cannot trace"),
        ("open_clip/coca_ViT-B-32", "cannot follow yet"),
        ("open_clip/roberta-ViT-B-32", "cannot follow yet"),
    ],
)
def test_ids_that_cannot_be_opened(model_id: str, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        load(model_id)


def test_what_an_id_says_of_itself() -> None:
    spec = listed_spec("open_clip/ViT-B-32/openai")
    assert (spec.family, spec.title) == ("CLIP", "CLIP ViT-B-32 (openai)")
    assert (spec.input_size, spec.patch_size, spec.num_layers) == ((224, 224), (32, 32), 12)
    assert (spec.dim, spec.layers[0].num_heads, spec.prefix_tokens) == (768, 12, ("cls",))
    assert (spec.crop_mode, spec.interpolation, spec.flexible) == ("center", "bicubic", True)
    assert "text" in spec.abilities
    siglip = listed_spec("open_clip/ViT-B-16-SigLIP/webli")
    assert (siglip.crop_mode, siglip.mean, siglip.prefix_tokens) == ("squash", (0.5,) * 3, ())
    assert siglip.weights is not None


def test_quick_gelu_is_the_tag_s() -> None:
    with torch.device("meta"):
        openai: Any = adapter.build_open_clip("open_clip/ViT-B-32/openai").net
        laion: Any = adapter.build_open_clip("open_clip/ViT-B-32/laion2b_s34b_b79k").net
    kinds = [type(net.clip.visual.transformer.resblocks[0].mlp.gelu) for net in (openai, laion)]
    assert [kind.__name__ for kind in kinds] == ["QuickGELU", "GELU"]


def test_a_missing_tokenizer_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import open_clip

    def missing(*_args: Any, **_options: Any) -> None:
        raise OSError("not here")

    monkeypatch.setattr(open_clip, "get_tokenizer", missing)
    with pytest.raises(ModelError, match="'timm/ViT-B-16-SigLIP' of the Hugging Face Hub"):
        adapter._tokens("ViT-B-16-SigLIP", 64)


@pytest.mark.parametrize("make", [plain_clip, sigmoid_clip])
def test_a_checkpoint_file_gives_the_same_answers(
    make: Callable[[], nn.Module], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = adapted_of(make())
    source_clip: Any = source.net.clip
    with torch.no_grad():
        source_clip.logit_scale.fill_(1.5)
    state = {f"module.{key}": value.contiguous() for key, value in source_clip.state_dict().items()}
    save_file(state, tmp_path / "own.safetensors")

    def build(_id: str, _spec: object = None) -> AdaptedNet:
        clip = make()
        for parameter in clip.parameters():
            parameter.data.mul_(0.9)
        return adapter.adapt_open_clip(clip.eval(), "open_clip/tiny", make_tokens=simple_tokens)

    monkeypatch.setattr(adapter, "build_open_clip", build)
    path = str(tmp_path / "own.safetensors")
    read = adapter.build_from_file("open_clip/tiny", None, path)
    frame = random_frame(64, 64)
    ours, theirs = trace_frame(read, frame, "trained"), trace_frame(source, frame, "trained")
    torch.testing.assert_close(ours.output, theirs.output)
    answer = ours.zero_shot(["cat", "dog"])
    assert answer.logit_scale == pytest.approx(np.exp(1.5))
    assert answer.similarities == pytest.approx(theirs.zero_shot(["cat", "dog"]).similarities)
    save_file({"visual.proj": torch.zeros(3, 3)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="does not fit"):
        adapter.build_from_file("open_clip/tiny", None, str(tmp_path / "other.safetensors"))
